import OpenAI, { APIError } from 'openai'
import { expect, onTestFinished } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Plugin } from '../../core/plugin/plugin.ts'
import type { UpstreamClient } from '../../core/upstream/types.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type ManualClock, manualClock, turn } from './clock.ts'
import { type FakeUpstream, type SeenRequest, startUpstream } from './upstream.ts'

/** What stands behind the gateway: the client's own dialect (passthrough), and one that is translated. */
export const SIDES = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere'] as const
/** One of SIDES, or a provider of the case's own. */
export type Side = (typeof SIDES)[number]

/** One way to ask: which provider, whole or streamed. */
export interface Way {
  side: Side
  stream: boolean
}

/** Both formats, whole and streamed. */
export const WAYS: readonly Way[] = SIDES.flatMap((side) => [
  { side, stream: false },
  { side, stream: true },
])

/** How the strict client saw a request end. */
export interface Verdict {
  /** The text of a complete answer; undefined when it failed. */
  text?: string | undefined
  finish?: string | null | undefined
  usage?: number | undefined
  /** HTTP status of a failure before the first byte; undefined for one inside a stream. */
  status?: number | undefined
  isMidStream: boolean
  type?: string | undefined
  message: string
  headers?: Headers | undefined
  /** The body as it came. */
  raw: string
  /** The error body, or the error event that ends a stream; undefined where there is none. */
  body?: JsonObject | undefined
}

export interface FaultOptions {
  client?: JsonObject
  /** `network_config` of both providers, besides the URL. */
  network?: JsonObject
  /** Fields of both providers' blocks. */
  provider?: JsonObject
  /** More providers, by name; `URL` in their text stands for the fake provider's address. */
  providers?: JsonObject
  /** Values of each provider's keys; one good one unless said. */
  keys?: readonly string[]
  plugins?: readonly Plugin[]
  random?: () => number
  /** Epoch milliseconds, for key cool-downs. */
  wallClock?: () => number
  upstream?: UpstreamClient
  /** Translated streams run in the pool. */
  pooled?: boolean
  /** By how much the clock moves at each turn of the event loop, in milliseconds. */
  stepMs?: number
}

/** A gateway before a fake provider, with a clock that the test moves and a strict client. Ends with the test or file. */
export interface FaultBench {
  upstream: FakeUpstream
  gateway: TestGateway
  clock: ManualClock
  /** What the gateway logged. */
  lines: string[]
  client: OpenAI
  /** Asks by the official client, strictly; time flies meanwhile. */
  ask(way: Way, model: string, options?: AskOptions): Promise<Verdict>
  /** Requests that the provider has seen since `from`. */
  hits(from?: number): readonly SeenRequest[]
  /** Resolves when nothing of any request is left: no place taken, no limit running, no connection busy. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface AskOptions {
  body?: JsonObject
  headers?: Record<string, string>
}

/** Longest limits unless a case says otherwise: time flies in these tests, and only what is tested may run out. */
const PATIENT: JsonObject = { default_request_timeout_in_seconds: 3600, stream_idle_timeout_in_seconds: 3600 }
const PATIENT_CLIENT: JsonObject = { stream_commit_after_ms: 0, max_response_size_mb: 2 }

/** Starts all of it. Call `close`, or use `faultBench` inside a test. */
export async function startFaultBench(options: FaultOptions = {}): Promise<FaultBench> {
  const upstream = await startUpstream()
  const clock = manualClock()
  const lines: string[] = []
  const gateway = await createGateway({
    config: configOf(upstream, options),
    plugins: options.plugins,
    clock,
    random: options.random ?? (() => 0.5),
    wallClock: options.wallClock,
    upstream: options.upstream,
    ...(options.pooled && { poolThreads: 1, utilisation: () => 1 }),
    logLevel: 'trace',
    onLog: (line) => lines.push(line),
  })
  const client = new OpenAI({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  return {
    upstream,
    gateway,
    clock,
    lines,
    client,
    ask: ({ side, stream }, model, asked = {}) =>
      clock.drive(strictly(client, { model: `${side}/${model}`, stream, ...asked }), options.stepMs),
    hits: (from = 0) => upstream.requests.slice(from),
    settled: () => settled(gateway, clock, options.stepMs),
    async close() {
      await gateway.close()
      await upstream.close()
    },
  }
}

/** The same, closed when the test that calls it ends. */
export async function faultBench(options: FaultOptions = {}): Promise<FaultBench> {
  const bench = await startFaultBench(options)
  onTestFinished(() => bench.close())
  return bench
}

function configOf(
  upstream: FakeUpstream,
  { client = {}, network = {}, provider = {}, providers = {}, keys = ['sk-good'] }: FaultOptions,
): JsonObject {
  const rows = (name: string) => keys.map((value, index) => ({ name: `${name}-${index + 1}`, value, models: ['*'] }))
  const block = (name: string): JsonObject => ({
    keys: rows(name),
    network_config: { base_url: upstream.url, ...PATIENT, ...network },
    ...provider,
  })
  const more = JSON.parse(JSON.stringify(providers).replaceAll('URL', upstream.url)) as JsonObject
  return {
    client: { ...PATIENT_CLIENT, ...client },
    providers: { ...Object.fromEntries(SIDES.map((name) => [name, block(name)])), ...more },
  }
}

/** Asks once. A stream is read by the client's strictest helper, which throws on anything short of a whole answer. */
async function strictly(
  plain: OpenAI,
  { model, stream, body = {}, headers = {} }: { model: string; stream: boolean } & AskOptions,
): Promise<Verdict> {
  const seen: { response?: Response; bytes: Uint8Array[] } = { bytes: [] }
  const client = plain.withOptions({
    fetch: async (url, init) => {
      seen.response = await fetch(url, init)
      return tapped(seen.response, seen.bytes)
    },
  })
  const request = { model, messages: [{ role: 'user' as const, content: 'hi' }], ...body }
  const verdict = await read(client, request, { stream, headers }).catch(failed)
  const raw = Buffer.concat(seen.bytes).toString()
  const isMidStream = stream && verdict.text === undefined && seen.response?.status === 200
  return { ...verdict, isMidStream, headers: seen.response?.headers, raw, body: verdict.text === undefined ? errorIn(raw) : undefined }
}

/** The same response; its bytes are kept as they are read. */
function tapped(response: Response, bytes: Uint8Array[]): Response {
  const tap = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      bytes.push(chunk)
      out.enqueue(chunk)
    },
  })
  return new Response(response.body?.pipeThrough(tap) ?? null, response)
}

type Reading = Pick<Verdict, 'text' | 'finish' | 'usage' | 'status' | 'type' | 'message'>
type Asking = { model: string; messages: { role: 'user'; content: string }[] }

async function read(
  client: OpenAI,
  request: Asking,
  { stream, headers }: { stream: boolean; headers: Record<string, string> },
): Promise<Reading> {
  const { chat } = client
  const completion = stream
    ? await chat.completions
        .stream({ stream_options: { include_usage: true }, ...request, stream: true }, { headers })
        .finalChatCompletion()
    : await chat.completions.create(request, { headers })
  const [choice] = completion.choices
  return { text: choice?.message.content ?? '', finish: choice?.finish_reason, usage: completion.usage?.completion_tokens, message: '' }
}

function failed(error: unknown): Reading {
  const message = error instanceof Error ? error.message : String(error)
  return error instanceof APIError ? { text: undefined, status: error.status, type: error.type, message } : { text: undefined, message }
}

function errorIn(raw: string): JsonObject | undefined {
  const last = raw.includes('data: ') ? raw.trimEnd().slice(raw.lastIndexOf('data: ') + 6) : raw
  try {
    return JSON.parse(last) as JsonObject
  } catch {
    return undefined
  }
}

async function settled(gateway: TestGateway, clock: ManualClock, stepMs = 10): Promise<void> {
  const { runtime } = gateway.core
  const isBusy = (): boolean => {
    const places = [...runtime.tables.providers.values()].some(
      ({ slot }) => runtime.shared.inFlight.count(slot) > 0 || runtime.shared.queue.count(slot) > 0,
    )
    return places || runtime.deadlines.size > 0 || runtime.upstream.stats().busy > 0
  }
  while (isBusy()) {
    await turn()
    clock.advance(stepMs)
  }
}

/** What a row of a table of faults expects. Absent fields are not looked at. */
export interface Expected {
  /** The answer is complete and says this. */
  text?: string
  /** It failed before anything was sent. */
  status?: number
  /** It failed inside the stream. */
  isMidStream?: true
  /** `error.type`. */
  type?: string
  message?: RegExp
  /** Requests that the provider saw. */
  hits?: number
}

/** A row of a table of faults. */
export interface FaultCase {
  /** Number in faults.md 2.1, and what goes wrong. */
  name: string
  /** Of the fake provider. */
  model: string
  expected: Expected
  /** Where a stream differs from a whole answer. */
  streamed?: Expected
  /** Where the translated side differs. */
  translated?: Expected
  /** Where one dialect differs from the other translated ones; null: it cannot fail so. */
  dialects?: Partial<Record<Side, Expected | null>>
  /** Where only some ways apply. */
  ways?: readonly Way[]
  body?: JsonObject
}

/** All rows in all their ways, for `it.each`. */
export function inAllWays(cases: readonly FaultCase[]): { title: string; row: FaultCase; way: Way }[] {
  return cases.flatMap((row) =>
    (row.ways ?? WAYS)
      .filter(({ side }) => row.dialects?.[side] !== null)
      .map((way) => ({ title: `${row.name} (${way.side}, ${way.stream ? 'streamed' : 'whole'})`, row, way })),
  )
}

/** Asks as the row says and compares; then nothing of the request may be left (column R of the table). */
export async function checkCase(bench: FaultBench, row: FaultCase, way: Way): Promise<Verdict> {
  const from = bench.upstream.requests.length
  const verdict = await bench.ask(way, row.model, row.body ? { body: row.body } : {})
  const wanted = {
    ...row.expected,
    ...(way.stream ? row.streamed : {}),
    ...(way.side !== 'openai' ? row.translated : {}),
    ...row.dialects?.[way.side],
  }
  expect({ ...seen(verdict), hits: bench.hits(from).length }).toMatchObject(wantedOf(wanted))
  if (wanted.message) expect(verdict.message).toMatch(wanted.message)
  if (verdict.text === undefined) expectFacts(verdict, way)
  await bench.settled()
  return verdict
}

function seen({ text, status, isMidStream, type }: Verdict): Record<string, unknown> {
  return { text, status, isMidStream, type }
}

function wantedOf({ message: _, ...wanted }: Expected): Record<string, unknown> {
  if (wanted.isMidStream) return { ...wanted, status: undefined, text: undefined }
  return wanted.text === undefined ? { ...wanted, text: undefined, isMidStream: false } : { ...wanted, status: undefined }
}

/** An error names provider, key name, attempt and reason, before and inside a stream, and no clean end follows it. */
function expectFacts({ body, raw }: Verdict, way: Way): void {
  expect(raw).not.toContain('[DONE]')
  expect(body).toMatchObject({
    error: { message: expect.stringMatching(/.{4}/) as string },
    extra_fields: {
      provider: way.side,
      selected_key_name: expect.stringContaining(way.side) as string,
      attempt: expect.any(Number) as number,
    },
  })
}
