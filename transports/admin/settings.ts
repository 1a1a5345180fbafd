import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { clientSchema } from '../../core/config/client.ts'
import { frameworkSchema, gatewayProxySchema } from '../../core/config/framework.ts'
import { authConfigSchema } from '../../core/config/governance/index.ts'
import { plainBody } from '../../core/config/live/held.ts'
import { GatewayError } from '../../core/errors.ts'
import { inForce, onlySet } from './in-force.ts'
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

const SCHEMAS = { client: clientSchema, framework: frameworkSchema, auth_config: authConfigSchema, proxy_config: gatewayProxySchema }
/** A block that stands alone, by the name of its document. */
type BlockId = keyof typeof SCHEMAS

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
  const body = (id: BlockId): JsonObject => shownBody('settings', id, forced(tools, id, setOf(tools, id)))
  return [
    {
      method: 'GET',
      path: '/api/config',
      summary: 'Settings of the gateway, as they are in force',
      tag: TAG,
      handle: () => ({
        client_config: body('client'),
        framework_config: body('framework'),
        auth_config: shownAuth(body('auth_config')),
        proxy_config: body('proxy_config'),
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
      handle: () => body('proxy_config'),
    },
    {
      method: 'PUT',
      path: '/api/proxy-config',
      summary: 'Change that proxy',
      tag: TAG,
      body: block,
      async handle({ body: sent }) {
        const change = await put(tools, 'proxy_config', flattened(sent) as JsonObject)
        return written(body('proxy_config'), change)
      },
    },
  ]
}

/** All blocks are looked at before the first is written. */
async function save(tools: AdminTools, sent: JsonObject) {
  const blocks: (readonly [name: string, id: BlockId, next: JsonObject])[] = []
  for (const [name, id] of BLOCKS) {
    const next = sent[name]
    if (!isObject(next)) continue
    const flat = flattened(next) as JsonObject
    blocks.push([name, id, id === 'auth_config' ? await withHash(tools, flat) : flat])
  }
  for (const [name, id, next] of blocks) placed(name, () => tools.config.check('settings', id, nextOf(tools, id, next)))
  let last: { status: number | undefined; version: number } = { status: undefined, version: 0 }
  for (const [name, id, next] of blocks) last = await put(tools, id, next, name)
  return written({ message: 'Configuration updated successfully' }, last)
}

/** Writes a block where it would be another; `under` is where it stands in the payload. */
async function put(tools: AdminTools, id: BlockId, sent: JsonObject, under?: string) {
  const before = setOf(tools, id)
  const next = nextOf(tools, id, sent)
  if (isDeepStrictEqual(next, before)) {
    tools.config.check('settings', id, next)
    return { status: undefined, version: 0 }
  }
  if (id === 'client') for (const name of AT_START) if (!isDeepStrictEqual(before[name], next[name])) tools.restart.add(`client.${name}`)
  return write(tools, ['settings', id, () => nextOf(tools, id, sent)], under)
}

/** The block as it is to stand, from what was sent and what stands there now. */
function nextOf(tools: AdminTools, id: BlockId, sent: JsonObject): JsonObject {
  const current = setOf(tools, id)
  return onlySet(withStoredSecrets('settings', id, { next: sent, current }), current, forced(tools, id, current))
}

function setOf({ config }: AdminTools, id: BlockId): JsonObject {
  return plainBody(config.entities.get('settings', id) ?? {})
}

function forced({ env }: AdminTools, id: BlockId, set: JsonObject): JsonObject {
  return inForce(SCHEMAS[id], set, env)
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

function shownAuth({ admin_password: password, admin_username: name = '', ...rest }: JsonObject): JsonObject {
  return { admin_username: name, admin_password: password === undefined ? '' : REDACTED, ...rest }
}
