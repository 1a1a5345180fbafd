import { maskSecrets } from './attempt-facts.ts'
import { isObject } from './canonical/json.ts'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import { noteListed } from './key-status.ts'
import type { Provider } from './provider.ts'
import { locate } from './request-path.ts'
import { isDeadKey } from './retry.ts'
import { allows } from './routing.ts'
import type { Runtime } from './runtime.ts'
import { signRequest } from './sign-in.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'
import { utf8 } from './text.ts'
import { answerError, faultError } from './upstream/fault.ts'
import { destinationOf } from './upstream/target.ts'
import type { Target, UpstreamRequest } from './upstream/types.ts'

/** A model as `GET /v1/models` lists it; `id` is `provider/model`. */
export interface ListedModel {
  id: string
  object: 'model'
  owned_by: string
  [field: string]: unknown
}

/** How long a list of all providers waits for the slowest, in milliseconds. */
const LIST_DEADLINE_MS = 10_000

/**
 * The models that a client may ask for: of one provider (its failure is the answer), or of all in parallel within a deadline,
 * where a provider that fails is left out and logged. Filtered by what the keys allow; an alias is listed under its own name.
 */
export async function listModels(runtime: Runtime, ctx: Context, wanted: string | undefined): Promise<ListedModel[]> {
  if (wanted !== undefined) {
    const settings = runtime.tables.providers.get(wanted)
    if (!settings) throw new GatewayError('GW_INVALID_REQUEST', { param: 'provider', reason: `"${wanted}" is no configured provider` })
    return modelsOf(runtime, ctx, settings)
  }
  const providers = [...runtime.tables.providers.values()]
  const lists = await Promise.all(
    providers.map((settings) =>
      modelsOf(runtime, ctx, settings).catch((error: unknown) => {
        runtime.log.warn({ id: ctx.id, provider: settings.name, err: error }, 'models were not listed')
        return []
      }),
    ),
  )
  return lists.flat()
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

interface KeyedProvider {
  settings: ProviderSettings
  entry: Provider
  key: KeySettings | undefined
}

async function listWithKey(runtime: Runtime, ctx: Context, source: KeyedProvider): Promise<ListedModel[]> {
  const { settings, entry, key } = source
  const body = await fetchModels(runtime, ctx, source).catch((error: unknown) => {
    if (key) noteListed(runtime.shared, key, error)
    throw error
  })
  if (key) noteListed(runtime.shared, key)
  const listed = isObject(body) && Array.isArray(body.data) ? body.data : Array.isArray(body) ? body : []
  const ids = entry.modelIds?.(body) ?? listed.map((model) => (isObject(model) ? String(model.id) : String(model)))
  const models = ids.map((id, index) => toModel(settings, id, isObject(listed[index]) ? listed[index] : {}))
  const isServed = (id: string): boolean => !key || (allows(key.models, id) && !allows(key.blacklistedModels, id))
  return models.filter((model) => isServed(model.id.slice(settings.name.length + 1)))
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

async function fetchModels(runtime: Runtime, ctx: Context, source: KeyedProvider): Promise<unknown> {
  const { settings, entry, key } = source
  const destination = destinationOf(runtime.registry, source, key)
  const listed = settings.pathOverrides.list_models ?? entry.paths.list_models
  const path = typeof listed === 'function' ? listed({ model: '', isStream: false, key, settings }) : listed
  const { target, path: located } = locate(destination, settings, path as string)
  const { headers } = destination
  const plain = { method: 'GET', path: located, headers, body: [], maxResponseBytes: ctx.client.maxResponseBytes }
  const request = (key && (await signRequest(runtime, { entry, settings, key }, { target, request: plain }))) ?? plain
  return askForModels(runtime, ctx, { ...source, target, request })
}

function askForModels(
  runtime: Runtime,
  ctx: Context,
  source: KeyedProvider & { target: Target; request: UpstreamRequest },
): Promise<unknown> {
  const { settings, entry, key, target, request } = source
  const format = runtime.registry.format(entry.format)
  return new Promise((resolve, reject) => {
    const facts = { provider: settings.name, key: key?.name ?? 'none', attempt: 0 }
    const ms = Math.min(settings.network.requestTimeoutMs, LIST_DEADLINE_MS)
    const deadline = {
      at: runtime.deadlines.clock.now() + ms,
      onReached: () => end(() => reject(new GatewayError('GW_REQUEST_TIMEOUT', { ...facts, ms }))),
    }
    const chunks: Buffer[] = []
    let status = 0
    const call = runtime.upstream.open(target, request, {
      onHead: (head) => {
        status = head.status
      },
      onData: (chunk) => chunks.push(Buffer.from(chunk)),
      onEnd: () => end(() => settle(utf8(Buffer.concat(chunks)))),
      onError: (fault) => end(() => reject(faultError(fault, facts))),
    })
    let stopListening: (() => void) | undefined
    stopListening = ctx.onAbort(() => end(() => reject(new GatewayError('GW_CANCELLED'))))
    runtime.deadlines.add(deadline)
    function end(work: () => void): void {
      runtime.deadlines.delete(deadline)
      stopListening?.()
      call?.abort()
      work()
    }
    function settle(text: string): void {
      if (status >= 300) return reject(refusal(answerError(format, status, maskSecrets(settings, text)), facts))
      try {
        resolve(JSON.parse(text))
      } catch (cause) {
        reject(new GatewayError('GW_UPSTREAM_INVALID', { ...facts, reason: 'the list of models is not JSON' }, { cause }))
      }
    }
  })
}

/** A refused key is the gateway's trouble and not the caller's (D25). */
function refusal(error: GatewayError, facts: { provider: string; key: string; attempt: number }): GatewayError {
  if (isDeadKey(error))
    return new GatewayError('GW_CREDENTIALS_EXHAUSTED', { ...facts, reason: `${facts.key}: ${error.status}` }, { cause: error })
  return new GatewayError(error.code, { ...error.detail, raw: undefined, ...facts })
}
