import { maskSecrets } from './attempt-facts.ts'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { Provider } from './provider.ts'
import { locate } from './request-path.ts'
import type { Runtime } from './runtime.ts'
import { renewsSignIn, signRequest } from './sign-in.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'
import { utf8 } from './text.ts'
import { answerError, faultError } from './upstream/fault.ts'
import { type Place, placeOf } from './upstream/follow-step.ts'
import { destinationOf } from './upstream/target.ts'
import type { Target, UpstreamRequest } from './upstream/types.ts'

/** Whose models are asked for, and with which key. */
export interface KeyedProvider {
  settings: ProviderSettings
  entry: Provider
  key: KeySettings | undefined
}

/** How long a list may take, in milliseconds. */
const LIST_DEADLINE_MS = 10_000
/** Most pages of one list: what comes after them is not listed. */
const MOST_PAGES = 20

interface Question extends KeyedProvider {
  target: Target
  path: string
  /** When to give up, in milliseconds of the deadlines' clock, and how long that is from the start. */
  endsAt: number
  ms: number
}

/**
 * What the provider answers to list-models, parsed, page by page; all of it within the time limit. Rejects with the provider's
 * refusal as GW_UPSTREAM_ERROR, whoever it is about, or with what kept an answer from coming.
 */
export async function fetchModels(runtime: Runtime, ctx: Context, source: KeyedProvider): Promise<unknown[]> {
  const { settings, entry, key } = source
  const listed = settings.pathOverrides.list_models ?? entry.paths.list_models
  const written = typeof listed === 'function' ? listed({ model: '', isStream: false, key, settings }) : listed
  let place: Place = locate(destinationOf(runtime.registry, source, key), settings, written as string)
  const ms = Math.min(settings.network.requestTimeoutMs, LIST_DEADLINE_MS)
  const question = { ...source, ms, endsAt: runtime.deadlines.clock.now() + ms }
  const pages: unknown[] = []
  while (pages.length < MOST_PAGES) {
    const page = await askSignedIn(runtime, ctx, { ...question, ...place })
    pages.push(page)
    const next = entry.nextModels?.(page)
    if (next === undefined) return pages
    place = nextPlace(next, source, place.target)
  }
  runtime.log.warn({ id: ctx.id, provider: settings.name, pages: MOST_PAGES }, 'a list of models goes on, and its end was not asked for')
  return pages
}

function nextPlace(url: string, { settings, entry, key }: KeyedProvider, target: Target): Place {
  const place = placeOf(url, { target, hosts: entry.hosts ?? [], staysAtTarget: settings.network.baseUrl !== undefined })
  if (typeof place !== 'string') return place
  throw new GatewayError('GW_UPSTREAM_INVALID', { provider: settings.name, key: key?.name ?? 'none', attempt: 0, reason: place })
}

/** Once more where a minted credential was refused and another one can be had. */
async function askSignedIn(runtime: Runtime, ctx: Context, question: Question): Promise<unknown> {
  const { settings, entry, key } = question
  const startedAt = runtime.wallClock()
  try {
    return await ask(runtime, ctx, question)
  } catch (error) {
    if (!key || !renewsSignIn(runtime, { entry, settings, key }, { error, startedAt })) throw error
    return ask(runtime, ctx, question)
  }
}

async function ask(runtime: Runtime, ctx: Context, question: Question): Promise<unknown> {
  const { settings, entry, key, target, path } = question
  const { headers } = destinationOf(runtime.registry, question, key)
  const plain = { method: 'GET', path, headers, body: [], maxResponseBytes: ctx.client.maxResponseBytes }
  const request = (key && (await signRequest(runtime, { entry, settings, key }, { target, request: plain }))) ?? plain
  return send(runtime, ctx, { ...question, request })
}

function send(runtime: Runtime, ctx: Context, question: Question & { request: UpstreamRequest }): Promise<unknown> {
  const { settings, entry, key, target, request, endsAt, ms } = question
  const format = runtime.registry.format(entry.format)
  return new Promise((resolve, reject) => {
    const facts = { provider: settings.name, key: key?.name ?? 'none', attempt: 0 }
    const deadline = { at: endsAt, onReached: () => end(() => reject(new GatewayError('GW_REQUEST_TIMEOUT', { ...facts, ms }))) }
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
      if (status >= 300) return reject(answerError(format, status, maskSecrets(runtime, settings, text)))
      try {
        resolve(JSON.parse(text))
      } catch (cause) {
        reject(new GatewayError('GW_UPSTREAM_INVALID', { ...facts, reason: 'the list of models is not JSON' }, { cause }))
      }
    }
  })
}
