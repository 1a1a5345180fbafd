import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { type Held, plainBody } from '../../core/config/live/held.ts'
import { pluginSchema } from '../../core/config/plugins.ts'
import { GatewayError } from '../../core/errors.ts'
import { stamps } from './resource.ts'
import type { AdminReply, AdminRequest, AdminRoute } from './router.ts'
import { shownBody, withStoredSecrets } from './secrets.ts'
import { type AdminTools, found, write, written } from './tools.ts'

const TAG = 'Plugins'
const PATH = '/api/plugins'
/** Fields of an answer that mean nothing in a payload. */
const ANSWER_ONLY = ['actualName', 'isCustom', 'status', 'created_at', 'updated_at']

const change = z.looseObject({
  enabled: z.boolean().optional(),
  path: z.string().optional(),
  config: z.looseObject({}).optional(),
  placement: z.enum(['pre_builtin', 'builtin', 'post_builtin'], { error: 'must be pre_builtin, builtin or post_builtin' }).optional(),
  order: z.int().optional(),
  version: z.int().optional(),
})
const creation = change.extend({
  name: z
    .string({ error: 'name is required' })
    .regex(/^[A-Za-z0-9][\w.@/-]{0,127}$/, 'must be 1 to 128 letters, digits and -_.@/, and begin with a letter or digit'),
})

/** `/api/plugins` (platform.md 1.7): a change is loaded by every data thread before it is answered, and taken back where one cannot. */
export function pluginRoutes(tools: AdminTools): AdminRoute[] {
  const one = `${PATH}/{name}`
  const all = () => {
    const { entities } = tools.config
    return [...entities.all('plugins').values(), ...[...tools.pluginChanges.allLost()].filter(({ id }) => !entities.held('plugins', id))]
  }
  return [
    {
      method: 'GET',
      path: PATH,
      summary: 'All plugins, with what became of them',
      tag: TAG,
      handle: () => ({ plugins: all().map((held) => shown(tools, held)), count: all().length }),
    },
    { method: 'GET', path: `${PATH}/builtins`, summary: 'Plugins that need no path', tag: TAG, handle: () => builtinPlugins(tools) },
    {
      method: 'GET',
      path: one,
      summary: 'One plugin',
      tag: TAG,
      handle({ params }) {
        const { name = '' } = params
        const lost = tools.config.entities.held('plugins', name) ? undefined : tools.pluginChanges.lost(name)
        return shown(tools, lost ?? found(tools, 'plugins', name, 'plugin'))
      },
    },
    {
      method: 'POST',
      path: PATH,
      summary: 'Add a plugin and load it',
      tag: TAG,
      body: creation,
      documented: pluginSchema,
      status: CREATED,
      handle: (request) => save(tools, request, { name: String(request.body.name), isNew: true }),
    },
    {
      method: 'PUT',
      path: one,
      summary: 'Change a plugin, or add it: what is left out stays; a raised `version` loads the file again',
      tag: TAG,
      body: change,
      documented: pluginSchema.partial(),
      handle: (request) => save(tools, request, { name: request.params.name ?? '', isNew: false }),
    },
    {
      method: 'DELETE',
      path: one,
      summary: 'Unload a plugin and remove it',
      tag: TAG,
      handle: ({ params }) => remove(tools, params.name ?? ''),
    },
  ]
}
const CREATED = 201

async function save(tools: AdminTools, request: AdminRequest, { name, isNew }: { name: string; isNew: boolean }): Promise<AdminReply> {
  const sent = Object.fromEntries(Object.entries(request.body).filter(([field]) => !ANSWER_ONLY.includes(field)))
  refuseCode(tools, request, name)
  let before: Held | undefined
  const edit = (current: Held | undefined): JsonObject => {
    if (isNew && current) throw new GatewayError('GW_CONFLICT', { reason: `plugin "${name}" exists already` })
    before = current
    const next: JsonObject = { enabled: true, ...(current && plainBody(current.body)), ...sent, name }
    return withStoredSecrets('plugins', name, { next, current: current?.body })
  }
  const { held, problems, late, ...published } = await write(tools, ['plugins', name, edit])
  if (problems.length > 0) await refuse(tools, { name, before, failed: held, problems })
  tools.pluginChanges.forget(name)
  if (late) void follow(tools, { name, before, failed: held, late, version: published.version })
  const answer = held ? { message: `Plugin ${isNew ? 'created' : 'updated'} successfully`, plugin: shown(tools, held) } : {}
  return written(answer, { ...published, ...(isNew && { usual: CREATED }) })
}

interface Failed {
  name: string
  before: Held | undefined
  failed: Held | undefined
  problems: readonly string[]
}

/** Always throws GW_PLUGIN_NOT_LOADED. */
async function refuse(tools: AdminTools, failure: Failed): Promise<never> {
  await takeBack(tools, failure)
  throw new GatewayError('GW_PLUGIN_NOT_LOADED', { name: failure.name, reason: failure.problems.join('; ') })
}

/** The store says again what it said before, unless somebody else has changed it since. */
async function takeBack(tools: AdminTools, { name, before, failed, problems }: Failed): Promise<void> {
  await write(tools, ['plugins', name, (current) => (current?.version === failed?.version ? before?.body : current?.body)])
  tools.pluginChanges.takenBack(name, problems)
}

/** Whoever asked has gone with 202. What then does not load is taken back all the same, and shown with its reason. */
async function follow(
  tools: AdminTools,
  { late, version, ...change }: Omit<Failed, 'problems'> & { late: Promise<readonly string[]>; version: number },
): Promise<void> {
  const { name, before, failed } = change
  const { pluginChanges: changes, config, log } = tools
  changes.began(name, version)
  const problems = await late
  // Somebody else's change has taken its place: what became of this one says nothing of that.
  const isStanding = config.entities.held('plugins', name)?.version === failed?.version
  try {
    if (problems.length === 0 || !isStanding) return
    log.error({ plugin: name, problems }, 'a plugin does not load, and its change is taken back')
    await takeBack(tools, { ...change, problems })
    if (before === undefined && failed) changes.keepLost(failed)
  } catch (error) {
    log.error({ err: error, plugin: name }, 'the change of a plugin that does not load could not be taken back')
    changes.takenBack(name, problems)
  } finally {
    changes.ended(name, version)
  }
}

async function remove(tools: AdminTools, name: string): Promise<AdminReply> {
  const before = tools.config.entities.held('plugins', name)
  if (!before && tools.pluginChanges.lost(name)) {
    tools.pluginChanges.forget(name)
    return written({ message: 'Plugin deleted successfully' }, { status: undefined, version: 0 })
  }
  found(tools, 'plugins', name, 'plugin')
  const { held, problems, late, ...published } = await write(tools, ['plugins', name, () => undefined])
  if (problems.length > 0) await refuse(tools, { name, before, failed: held, problems })
  tools.pluginChanges.forget(name)
  if (late) void follow(tools, { name, before, failed: held, late, version: published.version })
  return written({ message: 'Plugin deleted successfully' }, published)
}

/** A path names code that runs in the gateway: only who has signed in may bring one, and never where nobody has to. */
function refuseCode({ config }: AdminTools, { body, isAdmin }: AdminRequest, name: string): void {
  const isSame = body.path === undefined || body.path === config.entities.get('plugins', name)?.path
  if (isAdmin || isSame) return
  throw new GatewayError('GW_REQUEST_BLOCKED', {
    reason: 'a plugin with a path runs code in the gateway: sign in (governance.auth_config), or name it in config.json',
  })
}

function shown(tools: AdminTools, held: Held): JsonObject {
  const { id: name, body } = held
  const { path, enabled = true, placement, order = 0, version = 1 } = body
  const loaded = tools.plugins().find((plugin) => plugin.name === name)
  const shownConfig = shownBody('plugins', name, { config: body.config ?? {} }).config
  return {
    name,
    actualName: loaded?.actualName ?? name,
    enabled,
    isCustom: path !== undefined,
    ...(path !== undefined && { path }),
    config: isObject(shownConfig) ? shownConfig : {},
    placement: placement ?? (path === undefined ? 'builtin' : 'post_builtin'),
    order,
    version,
    status: {
      name,
      ...statusOf(tools, { name, isEnabled: enabled === true, isLoaded: loaded !== undefined }),
      types: [...(loaded?.hooks ?? [])],
    },
    ...stamps(held),
  }
}

function statusOf(
  { pluginChanges, builtins }: AdminTools,
  { name, isEnabled, isLoaded }: { name: string; isEnabled: boolean; isLoaded: boolean },
): { status: string; logs: string[] } {
  const logs = [...pluginChanges.problemsOf(name)]
  if (pluginChanges.lost(name)) return { status: 'error', logs }
  if (pluginChanges.isLoading(name)) return { status: 'loading', logs }
  if (!isEnabled) return { status: 'disabled', logs }
  if (isLoaded) return { status: 'active', logs }
  const isPlanned = builtins.plannedPlugins?.some((plugin) => plugin.name === name) ?? false
  if (isPlanned) return { status: 'uninitialized', logs: [...logs, 'is not served by this version; its settings have no effect'] }
  return { status: logs.length > 0 ? 'error' : 'loading', logs }
}

function builtinPlugins({ builtins }: AdminTools): Json {
  const planned = (builtins.plannedPlugins ?? []).filter(({ name }) => !builtins.plugins.some((plugin) => plugin.name === name))
  const plugins = [
    ...builtins.plugins.map(({ name }) => ({ name, is_served: true })),
    ...planned.map(({ name }) => ({ name, is_served: false })),
  ]
  return { plugins, count: plugins.length }
}
