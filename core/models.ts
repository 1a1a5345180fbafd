import { isObject } from './canonical/json.ts'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import { fetchModels, type KeyedProvider } from './fetch-models.ts'
import { noteListed } from './key-status.ts'
import type { Provider } from './provider.ts'
import { isDeadKey } from './retry.ts'
import { allows } from './routing.ts'
import type { Runtime } from './runtime.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'
import { admits } from './virtual-key.ts'

/** A model as `GET /v1/models` lists it; `id` is `provider/model`. */
export interface ListedModel {
  id: string
  object: 'model'
  owned_by: string
  [field: string]: unknown
}

/**
 * The models that a client may ask for: of one provider (its failure is the answer), or of all in parallel within a deadline,
 * where a provider that fails is left out and logged. Filtered by what the keys allow; an alias is listed under its own name.
 */
export async function listModels(runtime: Runtime, ctx: Context, wanted: string | undefined): Promise<ListedModel[]> {
  if (wanted !== undefined) {
    const settings = runtime.tables.providers.get(wanted)
    if (!settings) throw new GatewayError('GW_INVALID_REQUEST', { param: 'provider', reason: `"${wanted}" is no configured provider` })
    return admittedModels(ctx, settings, await modelsOf(runtime, ctx, settings))
  }
  const { virtualKey } = ctx.identity
  const admitted = ({ name }: ProviderSettings) => !virtualKey || virtualKey.providers.some(({ provider }) => provider === name)
  const providers = [...runtime.tables.providers.values()].filter(admitted)
  const lists = await Promise.all(
    providers.map((settings) =>
      modelsOf(runtime, ctx, settings).catch((error: unknown) => {
        runtime.log.warn({ id: ctx.id, provider: settings.name, err: error }, 'models were not listed')
        return []
      }),
    ),
  )
  return lists.flatMap((list, index) => admittedModels(ctx, providers[index] as ProviderSettings, list))
}

/** What a provider has, by each key that was asked with. */
export interface ProviderModels {
  provider: string
  lists: readonly {
    /** Id of the key; undefined where the provider takes none, or says it without being asked. */
    key: string | undefined
    /** As the provider calls them, whatever keys and virtual keys allow. */
    models: readonly string[]
  }[]
  /** Every key was answered. */
  isWhole: boolean
}

/** What providers have, in parallel, for the lists of the management API. What fails goes to the key's status. Never rejects. */
export function modelsByKey(runtime: Runtime, ctx: Context, names: readonly string[]): Promise<ProviderModels[]> {
  const providers = names.flatMap((name) => runtime.tables.providers.get(name) ?? [])
  return Promise.all(providers.map((settings) => providerModels(runtime, ctx, settings)))
}

async function providerModels(runtime: Runtime, ctx: Context, settings: ProviderSettings): Promise<ProviderModels> {
  const { name: provider } = settings
  const entry = runtime.registry.provider(settings.entry)
  const isAllowed = settings.allowedRequests === null || settings.allowedRequests.has('list_models')
  const idOf = ({ id }: ListedModel) => id.slice(provider.length + 1)
  const named = { key: undefined, models: namedByKeys(settings).map(idOf) }
  if (entry.models) return { provider, lists: [{ key: undefined, models: entry.models }, named], isWhole: true }
  if (entry.paths.list_models === undefined || !isAllowed) return { provider, lists: [named], isWhole: true }
  const keys: (KeySettings | undefined)[] = settings.keys.filter((key) => key.enabled)
  if (keys.length === 0 && settings.isKeyless) keys.push(undefined)
  const asked = await Promise.all(
    keys.map((key) =>
      askWithKey(runtime, ctx, { settings, entry, key }).then(
        (models) => ({ key: key?.id, models: models.map(idOf), isWhole: true }),
        () => ({ key: key?.id, models: [], isWhole: false }),
      ),
    ),
  )
  return { provider, lists: [...asked.map(({ key, models }) => ({ key, models })), named], isWhole: asked.every(({ isWhole }) => isWhole) }
}

/** Those that the caller's virtual key may ask for. */
function admittedModels({ identity }: Context, { name }: ProviderSettings, models: ListedModel[]): ListedModel[] {
  const { virtualKey } = identity
  return virtualKey ? models.filter(({ id }) => admits(virtualKey, name, { model: id.slice(name.length + 1) })) : models
}

async function modelsOf(runtime: Runtime, ctx: Context, settings: ProviderSettings): Promise<ListedModel[]> {
  const entry = runtime.registry.provider(settings.entry)
  const path = entry.paths.list_models
  const isAllowed = settings.allowedRequests === null || settings.allowedRequests.has('list_models')
  if (entry.models) return entry.models.map((id) => toModel(settings, id, {}))
  if (path === undefined || !isAllowed) return namedByKeys(settings)
  const keys: (KeySettings | undefined)[] = settings.keys.filter((key) => key.enabled)
  if (keys.length === 0 && settings.isKeyless) keys.push(undefined)
  const lists = await Promise.all(keys.map((key) => listWithKey(runtime, ctx, { settings, entry, key })))
  const byId = new Map(lists.flat().map((model) => [model.id, model]))
  for (const model of namedByKeys(settings)) if (!byId.has(model.id)) byId.set(model.id, model)
  return [...byId.values()]
}

/** Those that the key may serve. */
async function listWithKey(runtime: Runtime, ctx: Context, source: KeyedProvider): Promise<ListedModel[]> {
  const { settings, key } = source
  const models = await askWithKey(runtime, ctx, source)
  const isServed = (id: string): boolean => !key || (allows(key.models, id) && !allows(key.blacklistedModels, id))
  return models.filter((model) => isServed(model.id.slice(settings.name.length + 1)))
}

async function askWithKey(runtime: Runtime, ctx: Context, source: KeyedProvider): Promise<ListedModel[]> {
  const { settings, entry, key } = source
  const bodies = await fetchModels(runtime, ctx, source).catch((error: unknown) => {
    const failure = refusal(error, { provider: settings.name, key: key?.name ?? 'none', attempt: 0 })
    if (key) noteListed(runtime.shared, key, failure)
    throw failure
  })
  if (key) noteListed(runtime.shared, key)
  return bodies.flatMap((body) => modelsIn(body, settings, entry))
}

function modelsIn(body: unknown, settings: ProviderSettings, entry: Provider): ListedModel[] {
  const listed = isObject(body) && Array.isArray(body.data) ? body.data : Array.isArray(body) ? body : []
  const ids = entry.modelIds?.(body) ?? listed.map((model) => (isObject(model) ? String(model.id) : String(model)))
  return ids.map((id, index) => toModel(settings, id, isObject(listed[index]) ? listed[index] : {}))
}

/** What the keys themselves name: listed, and aliases. */
function namedByKeys(settings: ProviderSettings): ListedModel[] {
  const names = settings.keys
    .filter((key) => key.enabled)
    .flatMap((key) => [...key.models.names, ...(key.modelName ? [key.modelName] : []), ...aliases(key)])
  return [...new Set(names)].map((id) => toModel(settings, id, {}))
}

function aliases(key: KeySettings): string[] {
  return Object.keys(key.aliases).filter((name) => allows(key.models, name) && !allows(key.blacklistedModels, name))
}

function toModel(settings: ProviderSettings, id: string, facts: Record<string, unknown>): ListedModel {
  return {
    ...facts,
    id: `${settings.name}/${id}`,
    object: 'model',
    owned_by: typeof facts.owned_by === 'string' ? facts.owned_by : settings.name,
  }
}

/** A refused key is the gateway's trouble and not the caller's (D25). */
function refusal(error: unknown, facts: { provider: string; key: string; attempt: number }): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'GW_UPSTREAM_ERROR') return error
  if (isDeadKey(error))
    return new GatewayError('GW_CREDENTIALS_EXHAUSTED', { ...facts, reason: `${facts.key}: ${error.status}` }, { cause: error })
  return new GatewayError(error.code, { ...error.detail, raw: undefined, ...facts })
}
