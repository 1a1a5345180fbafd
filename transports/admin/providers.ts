import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { type Builtins, perBuiltins } from '../../core/config/builtins.ts'
import { hashOf } from '../../core/config/live/documents.ts'
import { type Held, plainBody } from '../../core/config/live/held.ts'
import { providerSchema } from '../../core/config/providers.ts'
import { GatewayError } from '../../core/errors.ts'
import { without } from './bodies.ts'
import type { AdminRoute } from './router.ts'
import { flattened, shownBody, withStoredSecrets } from './secrets.ts'
import { type AdminTools, found, write, written } from './tools.ts'

const TAG = 'Providers'
/** Fields of an answer that a client may send back, and that mean nothing there. */
const ANSWER_ONLY = ['name', 'provider', 'keys', 'provider_status', 'status', 'description', 'config_hash', 'created_at', 'updated_at']
const KEYS_IGNORED = 'keys are ignored here: use /api/providers/{provider}/keys'

const payload = z.looseObject({
  network_config: z.looseObject({}).optional(),
  concurrency_and_buffer_size: z.looseObject({}).optional(),
  proxy_config: z.looseObject({}).optional(),
  send_back_raw_request: z.boolean().optional(),
  send_back_raw_response: z.boolean().optional(),
  store_raw_request_response: z.boolean().optional(),
  custom_provider_config: z.looseObject({}).optional(),
})
const creation = payload.extend({ provider: z.string({ error: 'Missing provider' }).min(1, 'Missing provider') })
const update = payload.extend({
  concurrency_and_buffer_size: z.looseObject({}, { error: 'is required: {concurrency, buffer_size}' }),
})

/** `/api/providers` (api.md 4.3): providers without their keys, which have routes of their own. */
export function providerRoutes(tools: AdminTools): AdminRoute[] {
  const all = () => [...tools.config.entities.all('providers').values()].sort((one, other) => (one.id < other.id ? -1 : 1))
  return [
    {
      method: 'GET',
      path: '/api/providers',
      summary: 'All providers, by name',
      tag: TAG,
      handle: () => ({ providers: all().map((held) => shown(tools, held)), total: all().length }),
    },
    {
      method: 'GET',
      path: '/api/providers/{provider}',
      summary: 'One provider',
      tag: TAG,
      handle: ({ params }) => shown(tools, found(tools, 'providers', params.provider ?? '', 'provider')),
    },
    {
      method: 'POST',
      path: '/api/providers',
      summary: 'Add a provider; its keys come by /api/providers/{provider}/keys',
      tag: TAG,
      body: creation,
      handle: ({ body }) => save(tools, { name: String(body.provider), body, isNew: true }),
    },
    {
      method: 'PUT',
      path: '/api/providers/{provider}',
      summary: 'Replace the settings of a provider, or add it',
      tag: TAG,
      body: update,
      handle: ({ params, body }) => save(tools, { name: params.provider ?? '', body, isNew: false }),
    },
    {
      method: 'DELETE',
      path: '/api/providers/{provider}',
      summary: 'Remove a provider, its keys, and what virtual keys say of it',
      tag: TAG,
      handle: ({ params }) => remove(tools, params.provider ?? ''),
    },
  ]
}

async function save(tools: AdminTools, { name, body, isNew }: { name: string; body: JsonObject; isNew: boolean }) {
  const next = without(flattened(body) as JsonObject, ANSWER_ONLY)
  const edit = (current: Held | undefined): JsonObject => {
    if (isNew && current) throw new GatewayError('GW_CONFLICT', { reason: `provider "${name}" exists already` })
    return withStoredSecrets('providers', name, { next, current: current?.body })
  }
  const { held, ...change } = await write(tools, ['providers', name, edit])
  const answer = held ? shown(tools, held) : { name }
  return written(body.keys === undefined ? answer : { ...answer, warnings: [KEYS_IGNORED] }, change)
}

/** The provider goes first: what is left of it after a crash serves nothing, and goes with the next try. */
async function remove(tools: AdminTools, name: string) {
  const { entities } = tools.config
  found(tools, 'providers', name, 'provider')
  const { held: _, ...change } = await write(tools, ['providers', name, () => undefined])
  for (const key of entities.keysOf(name)) await write(tools, ['keys', key.id, () => undefined])
  for (const { id, body } of [...entities.all('virtual_keys').values()])
    if (configsOf(body).some((config) => isOf(config, name)))
      await write(tools, ['virtual_keys', id, (held) => held && withoutProvider(held.body, name)])
  return written({ name }, change)
}

function withoutProvider(body: JsonObject, name: string): JsonObject {
  return { ...body, provider_configs: configsOf(body).filter((config) => !isOf(config, name)) }
}

function configsOf({ provider_configs: configs }: JsonObject): Json[] {
  return Array.isArray(configs) ? configs : []
}

function isOf(config: Json, name: string): boolean {
  return isObject(config) && config.provider === name
}

function shown({ builtins }: AdminTools, { id: name, body }: Held): JsonObject {
  const effective = inForce(builtins, body)
  const status = { config_hash: hashOf(effective), provider_status: 'active', status: 'active', description: '' }
  return { name, ...shownBody('providers', name, effective), ...status, ...stamps(body) }
}

/** With the defaults of what was not set, so that who sends it back changes nothing. */
function inForce(builtins: Builtins, body: JsonObject): JsonObject {
  const defaults = defaultsOf(builtins)
  const network = { ...(defaults.network_config as JsonObject), ...(body.network_config as JsonObject | undefined) }
  return { ...defaults, ...plainBody(body), network_config: network }
}
const defaultsOf = perBuiltins((builtins) => providerSchema(builtins).parse({}) as unknown as JsonObject)

function stamps({ created_at: created = null, updated_at: updated = null }: JsonObject): JsonObject {
  return { created_at: created, updated_at: updated }
}
