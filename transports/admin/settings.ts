import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { type Held, plainBody } from '../../core/config/live/held.ts'
import { GatewayError } from '../../core/errors.ts'
import { hashPassword, isHashed } from './password.ts'
import type { AdminRoute } from './router.ts'
import { flattened, shownBody, withStoredSecrets } from './secrets.ts'
import { type AdminTools, placed, write, written } from './tools.ts'

const TAG = 'Configuration'
const block = z.looseObject({})
const payload = z.strictObject({
  client_config: block.optional(),
  framework_config: block.optional(),
  auth_config: block.optional(),
  /** Of the answer to GET; what it says is not taken from here. */
  is_db_connected: z.boolean().optional(),
  is_cache_connected: z.boolean().optional(),
  is_logs_connected: z.boolean().optional(),
  proxy_config: z.json().optional(),
  restart_required: z.json().optional(),
})

/** Names of the payload's blocks, and of the document each is kept in. */
const BLOCKS = [
  ['client_config', 'client'],
  ['framework_config', 'framework'],
  ['auth_config', 'auth_config'],
] as const

/** Settings that hold from the next start on. */
const AT_START = [
  'threads',
  'http2_port',
  'tls',
  'admin_port',
  'metrics_port',
  'trusted_proxies',
  'proxy_protocol',
  'max_connections',
  'shutdown',
]

/** `/api/config`, `/api/proxy-config` and `/api/version` (api.md 4.8). */
export function settingsRoutes(tools: AdminTools): AdminRoute[] {
  const { config } = tools
  const body = (id: string): JsonObject => plainBody(config.entities.get('settings', id) ?? {})
  return [
    {
      method: 'GET',
      path: '/api/config',
      summary: 'Settings of the gateway',
      tag: TAG,
      handle: () => ({
        client_config: body('client'),
        framework_config: body('framework'),
        auth_config: shownAuth(body('auth_config')),
        proxy_config: shownBody('settings', 'proxy_config', body('proxy_config')),
        is_db_connected: config.isWritable,
        is_cache_connected: false,
        is_logs_connected: tools.hasLogs === true,
        restart_required: { required: tools.restart.size > 0, reason: [...tools.restart].join(', ') },
      }),
    },
    {
      method: 'PUT',
      path: '/api/config',
      summary: 'Change settings of the gateway: each block that is sent replaces what is set of it',
      tag: TAG,
      body: payload,
      handle: ({ body: sent }) => save(tools, sent),
    },
    {
      method: 'GET',
      path: '/api/proxy-config',
      summary: 'The proxy that the gateway itself goes out by',
      tag: TAG,
      handle: () => shownBody('settings', 'proxy_config', body('proxy_config')),
    },
    {
      method: 'PUT',
      path: '/api/proxy-config',
      summary: 'Change that proxy',
      tag: TAG,
      body: block,
      async handle({ body: sent }) {
        const { held, ...change } = await put(tools, 'proxy_config', flattened(sent) as JsonObject)
        return written(shownBody('settings', 'proxy_config', plainBody(held?.body ?? {})), change)
      },
    },
  ]
}

/** All blocks are looked at before the first is written. */
async function save(tools: AdminTools, sent: JsonObject) {
  const blocks: (readonly [name: string, id: string, next: JsonObject])[] = []
  for (const [name, id] of BLOCKS) {
    const next = sent[name]
    if (!isObject(next)) continue
    const flat = flattened(next) as JsonObject
    blocks.push([name, id, id === 'auth_config' ? await withHash(tools, flat) : flat])
  }
  for (const [name, id, next] of blocks) placed(name, () => tools.config.check('settings', id, next))
  let last: { status: number | undefined; version: number } = { status: undefined, version: 0 }
  for (const [name, id, next] of blocks) {
    if (id === 'client') noteRestart(tools, next)
    last = await put(tools, id, next, name)
  }
  return written({ message: 'Configuration updated successfully' }, last)
}

function put(tools: AdminTools, id: string, next: JsonObject, under?: string) {
  const edit = (current: Held | undefined): JsonObject => withStoredSecrets('settings', id, { next, current: current?.body })
  return write(tools, ['settings', id, edit], under)
}

function noteRestart({ config, restart }: AdminTools, next: JsonObject): void {
  const before = config.entities.get('settings', 'client') ?? {}
  for (const name of AT_START) if (JSON.stringify(before[name]) !== JSON.stringify(next[name])) restart.add(`client.${name}`)
}

/** The password is kept as its hash; `<redacted>` keeps the one that is set. */
async function withHash({ config }: AdminTools, { admin_password: sent, admin_username: name, ...rest }: JsonObject): Promise<JsonObject> {
  const kept = config.entities.get('settings', 'auth_config')?.admin_password
  const isKept = sent === REDACTED || sent === undefined || sent === ''
  const password: Json | undefined = isKept ? kept : sent
  const next = { ...rest, ...(name !== undefined && name !== '' && { admin_username: name }) }
  const needed = rest.is_enabled === true
  if (needed && next.admin_username === undefined) throw missing('admin_username')
  if (typeof password !== 'string' && (needed || !isKept)) throw missing('admin_password')
  if (typeof password !== 'string') return next
  const isReady = isHashed(password) || password.startsWith('env.')
  return { ...next, admin_password: isReady ? password : await hashPassword(password) }
}

function missing(field: string): GatewayError {
  return new GatewayError('GW_INVALID_REQUEST', { param: `auth_config.${field}`, reason: 'is required, a text, when is_enabled is true' })
}
const REDACTED = '<redacted>'

function shownAuth({
  admin_password: password,
  admin_username: name = '',
  is_enabled: isEnabled = false,
  ...rest
}: JsonObject): JsonObject {
  return {
    admin_username: name,
    admin_password: password === undefined ? '' : REDACTED,
    is_enabled: isEnabled,
    disable_auth_on_inference: rest.disable_auth_on_inference ?? false,
  }
}
