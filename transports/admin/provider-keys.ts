import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import { hashOf } from '../../core/config/live/documents.ts'
import { type Held, plainBody } from '../../core/config/live/held.ts'
import { GatewayError } from '../../core/errors.ts'
import { without } from './bodies.ts'
import type { AdminRoute } from './router.ts'
import { flattened, shownBody, withStoredSecrets } from './secrets.ts'
import { type AdminTools, found, write, written } from './tools.ts'

const TAG = 'Provider keys'
const ANSWER_ONLY = ['provider', 'config_hash', 'status', 'description', 'created_at', 'updated_at', 'cool_down_until', 'last_error']

const variable = z.union([
  z.string(),
  z.looseObject({ value: z.string().optional(), env_var: z.string().optional(), from_env: z.boolean().optional() }),
])
const payload = z.looseObject({
  id: z.string().min(1).optional(),
  name: z.string().min(1, 'must not be empty').optional(),
  value: variable.optional(),
  models: z.array(z.string()).optional(),
  blacklisted_models: z.array(z.string()).optional(),
  aliases: z.record(z.string(), z.string()).optional(),
  weight: z.number().nullable().optional(),
  enabled: z.boolean().optional(),
})

/** `/api/providers/{provider}/keys` and `/api/keys` (api.md 4.4). Values never leave the gateway; a mask that comes back keeps what is stored. */
export function providerKeyRoutes(tools: AdminTools): AdminRoute[] {
  const keysOf = (provider: string): Held[] => {
    found(tools, 'providers', provider, 'provider')
    return tools.config.entities.keysOf(provider)
  }
  const one = (provider: string, id: string): Held => {
    const held = keysOf(provider).find((key) => key.id === id)
    if (!held) throw new GatewayError('GW_NOT_FOUND', { what: `key "${id}" of provider "${provider}"` })
    return held
  }
  const path = '/api/providers/{provider}/keys'
  return [
    {
      method: 'GET',
      path,
      summary: 'The keys of a provider',
      tag: TAG,
      handle({ params }) {
        const keys = keysOf(params.provider ?? '').map((held) => shown(tools, held))
        return { keys, total: keys.length }
      },
    },
    {
      method: 'GET',
      path: `${path}/{key_id}`,
      summary: 'One key',
      tag: TAG,
      handle: ({ params }) => shown(tools, one(params.provider ?? '', params.key_id ?? '')),
    },
    {
      method: 'POST',
      path,
      summary: 'Add a key',
      tag: TAG,
      body: payload,
      handle({ params, body }) {
        const provider = params.provider ?? ''
        found(tools, 'providers', provider, 'provider')
        return save(tools, { provider, id: typeof body.id === 'string' ? body.id : tools.newId(), body, isNew: true })
      },
    },
    {
      method: 'PUT',
      path: `${path}/{key_id}`,
      summary: 'Replace a key',
      tag: TAG,
      body: payload,
      handle({ params, body }) {
        const [provider, id] = [params.provider ?? '', params.key_id ?? '']
        one(provider, id)
        return save(tools, { provider, id, body, isNew: false })
      },
    },
    {
      method: 'DELETE',
      path: `${path}/{key_id}`,
      summary: 'Remove a key',
      tag: TAG,
      async handle({ params }) {
        const [provider, id] = [params.provider ?? '', params.key_id ?? '']
        const held = one(provider, id)
        refuseKeyless(tools, provider, 'delete', 'from')
        const { held: _, ...change } = await write(tools, ['keys', id, () => undefined])
        return written(shown(tools, held), change)
      },
    },
    {
      method: 'GET',
      path: '/api/keys',
      summary: 'The keys of all providers: names and what they may serve',
      tag: TAG,
      handle: () => [...tools.config.entities.all('keys').values()].map((held) => listed(tools, held)),
    },
  ]
}

async function save(tools: AdminTools, { provider, id, body, isNew }: { provider: string; id: string; body: JsonObject; isNew: boolean }) {
  refuseKeyless(tools, provider, isNew ? 'add' : 'update', isNew ? 'to' : 'of')
  const next: JsonObject = { ...without(flattened(body) as JsonObject, ANSWER_ONLY), id, provider }
  const edit = (current: Held | undefined): JsonObject => {
    if (isNew && current) throw new GatewayError('GW_CONFLICT', { reason: `key "${id}" exists already` })
    refuseTakenName(tools, next, id)
    return withStoredSecrets('keys', id, { next, current: current?.body })
  }
  const { held, ...change } = await write(tools, ['keys', id, edit])
  tools.catalog.discover(provider)
  return written(held ? shown(tools, held) : {}, change)
}

/** Names are unique over all providers, so that `x-bf-api-key` means one key. */
function refuseTakenName({ config }: AdminTools, { name }: JsonObject, id: string): void {
  if (typeof name !== 'string') return
  const other = config.entities.idsBy('keys', 'name', name).find((each) => each !== id)
  if (other !== undefined)
    throw new GatewayError('GW_CONFLICT', { reason: `a key with the name "${name}" exists already; names are unique over all providers` })
}

function refuseKeyless({ config }: AdminTools, provider: string, verb: string, preposition: string): void {
  const custom = config.entities.get('providers', provider)?.custom_provider_config as { is_key_less?: boolean } | undefined
  if (custom?.is_key_less !== true) return
  throw new GatewayError('GW_INVALID_REQUEST', { param: 'provider', reason: `Cannot ${verb} keys ${preposition} a keyless provider` })
}

function shown(tools: AdminTools, { id, body: { provider: _, ...body } }: Held): JsonObject {
  const { status = 'unknown', description = '' } = tools.keyStatus(id) ?? {}
  const { created_at: created = null, updated_at: updated = null } = body
  const effective = { ...DEFAULTS, name: id, ...plainBody(body) }
  const facts = { config_hash: hashOf(effective), status, description, created_at: created, updated_at: updated }
  return { id, ...shownBody('keys', id, effective, { asVariables: true }), ...facts }
}

/** What holds for a key where nothing was set. */
const DEFAULTS = {
  value: '',
  models: [],
  blacklisted_models: [],
  aliases: {},
  weight: 1,
  enabled: true,
  use_for_batch_api: false,
} as const satisfies JsonObject

function listed(tools: AdminTools, { id, body }: Held): JsonObject {
  const known = tools.keyStatus(id)
  return {
    key_id: id,
    name: body.name ?? id,
    provider: body.provider,
    models: body.models ?? [],
    enabled: body.enabled ?? true,
    status: known?.status ?? 'unknown',
    description: known?.description ?? '',
    cool_down_until: known?.coolDownUntil === undefined ? null : new Date(known.coolDownUntil).toISOString(),
  }
}
