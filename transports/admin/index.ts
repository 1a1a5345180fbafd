import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Builtins } from '../../core/config/builtins.ts'
import type { LiveConfig } from '../../core/config/live/live-config.ts'
import type { KeyStatus } from '../../core/key-status.ts'
import type { ProviderModels } from '../../core/models.ts'
import type { LoadedPlugin } from '../../core/plugin/loader.ts'
import type { KeyValueStore } from '../../core/stores/stores.ts'
import type { ControlRoute } from '../../core/threads/control.ts'
import { ADMIT } from '../../core/threads/control-calls.ts'
import type { ThreadLog } from '../../core/threads/guard.ts'
import { createAdminAuth } from './auth.ts'
import { docsRoutes } from './docs.ts'
import { governanceRoutes } from './governance.ts'
import { limitRoutes } from './limits.ts'
import { ModelCatalog } from './model-catalog.ts'
import { modelRoutes } from './models.ts'
import { PluginChanges } from './plugin-changes.ts'
import { pluginRoutes } from './plugins.ts'
import { providerKeyRoutes } from './provider-keys.ts'
import { providerRoutes } from './providers.ts'
import { errorReply, jsonReply } from './reply.ts'
import { type AdminRoute, createAdminRouter } from './router.ts'
import { sessionRoutes } from './session.ts'
import { settingsRoutes } from './settings.ts'
import type { AuthSettings } from './sign-in.ts'
import type { AdminTools } from './tools.ts'
import { virtualKeyRoutes } from './virtual-keys.ts'

/** What the management API is made of. */
export interface AdminOptions {
  config: LiveConfig
  builtins: Builtins
  sessions: KeyValueStore
  keyStatus(id: string): KeyStatus | undefined
  plugins(): readonly LoadedPlugin[]
  /** Asks providers for their models; never rejects. */
  listModels(providers: readonly string[]): Promise<readonly ProviderModels[]>
  version: string
  /** A log of requests is kept. */
  hasLogs?: boolean | undefined
  env: Readonly<Record<string, string | undefined>>
  log: ThreadLog
  now(): number
}

/** Name of the control route that serves all paths of the management API. */
export const ADMIN = 'admin'

/** The management API. */
export interface Admin {
  /** Its control routes, and the one that lets administrators use models where a credential is asked for. */
  routes: Record<string, ControlRoute>
  /** Learns from now on what models providers have (D21). Returns how to stop. */
  followModels(): () => void
}

/** Puts the management API together. */
export function createAdmin(options: AdminOptions): Admin {
  const { config, sessions, now, env, log } = options
  const text = (value: unknown): string => (typeof value !== 'string' ? '' : value.startsWith('env.') ? (env[value.slice(4)] ?? '') : value)
  const auth = createAdminAuth({
    settings: () => authSettings(config, text),
    allowedHosts: () => texts(config.entities.get('settings', 'client')?.allowed_hosts),
    sessions,
    now,
  })
  const tools: AdminTools = {
    ...options,
    auth,
    text,
    newId: randomUUID,
    restart: new Set(),
    pluginChanges: new PluginChanges(),
    catalog: new ModelCatalog(options),
  }
  const answer = createAdminRouter(adminRoutes(tools), { admits: auth.admits, log })
  const routes: Admin['routes'] = {
    [ADMIN]: answer,
    async [ADMIT]({ method, path, headers, clientAddress, scheme }) {
      try {
        const asked = { method, path, query: new URLSearchParams(), headers: new Map(headers), address: clientAddress, scheme }
        await auth.admits(ANY, asked)
        return jsonReply({ body: {} })
      } catch (error) {
        return errorReply(error)
      }
    },
  }
  return { routes, followModels: () => tools.catalog.follow() }
}

/** A route that asks for an administrator. */
const ANY: AdminRoute = { method: 'GET', path: '', summary: '', tag: '', handle: () => ({}) }

/** Every route of the management API: also what its documentation is made of. */
export function adminRoutes(tools: AdminTools): AdminRoute[] {
  const routes = RESOURCES.flatMap((make) => make(tools))
  return [...routes, ...docsRoutes(tools, routes)]
}
const RESOURCES = [
  sessionRoutes,
  providerRoutes,
  providerKeyRoutes,
  modelRoutes,
  virtualKeyRoutes,
  governanceRoutes,
  limitRoutes,
  settingsRoutes,
  pluginRoutes,
]

/** An explicitly empty list allows nobody, where none at all allows pages on this machine (D8). */
const NO_ORIGINS = ['none']

function authSettings({ entities }: LiveConfig, text: AdminTools['text']): AuthSettings {
  const auth: JsonObject = entities.get('settings', 'auth_config') ?? {}
  const { whitelisted_routes: routes, allowed_origins: origins } = entities.get('settings', 'client') ?? {}
  return {
    isEnabled: auth.is_enabled === true,
    username: text(auth.admin_username),
    password: text(auth.admin_password),
    whitelistedRoutes: texts(routes),
    allowedOrigins: Array.isArray(origins) ? (origins.length === 0 ? NO_ORIGINS : origins.map(String)) : [],
  }
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}
