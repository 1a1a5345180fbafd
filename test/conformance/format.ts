import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ChatRequest, ChatResponse, StreamPart } from '../../core/canonical/chat.ts'
import { foldParts } from '../../core/canonical/collect.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Fold } from '../../core/fold.ts'
import type { Format, Frame, Inbound, Outbound, ReplyOptions } from '../../core/format.ts'
import { decoderOf } from '../../core/stream/framing.ts'
import { awsStream } from '../helpers/aws-stream.ts'

/** The standard cases that every format passes (house.md 6). */
export const CASES = [
  'text',
  'multi-turn',
  'tool-call',
  'parallel-tools',
  'tool-result',
  'image',
  'reasoning',
  'structured-output',
  'refusal',
  'length',
] as const

export const REPLY: ReplyOptions = { id: 'gw-1', created: 1_700_000_000, model: 'fallback-model', streamUsage: true }

const FIXTURES = new URL('../fixtures/chat/', import.meta.url)

/** What a fold made of its inputs: everything it pushed, and why it refused. */
export interface Run<Out> {
  out: Out[]
  error: Error | undefined
}

/** Runs a fold over inputs, its state cloned before each, as a move between threads would. */
export function runFold<In, Out>(fold: Fold<In, Out>, inputs: Iterable<In>, options?: unknown, failure?: Error): Run<Out> {
  return drive(fold, inputs, { options, failure, moved: structuredClone })
}

interface DriveOptions {
  options?: unknown
  failure?: Error | undefined
  /** What happens to the state between two inputs. */
  moved: <State>(state: State) => State
}

function drive<In, Out>(fold: Fold<In, Out>, inputs: Iterable<In>, { options, failure, moved }: DriveOptions): Run<Out> {
  const run: Run<Out> = { out: [], error: undefined }
  const sink = {
    push: (value: Out) => void run.out.push(value),
    end() {},
    refuse(error: Error) {
      run.error = error
    },
    wake() {},
  }
  let state = fold.start(options)
  for (const input of inputs) {
    state = moved(state)
    fold.step(state, input, sink)
    if (run.error) return run
  }
  fold.end(moved(state), sink, failure)
  return run
}

/** A recorded stream as frames, its bytes cut where `sizes` says (then one piece for the rest). The framing's state is not moved: its own tests do that. */
export function framesOf(format: Format, bytes: Uint8Array, sizes: Iterable<number> = []): Frame[] {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const size of sizes) {
    if (from >= bytes.length) break
    pieces.push(bytes.subarray(from, from + size))
    from += size
  }
  pieces.push(bytes.subarray(from))
  return drive(decoderOf(format.framing), pieces, { moved: (state) => state }).out
}

/** Piece sizes from a seed: the same on every machine and run. */
export function* splits(seed: number, most = 97): Generator<number> {
  let state = seed >>> 0
  while (true) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield 1 + (state % most)
  }
}

/**
 * Runs the standard dozen on a format, from `test/fixtures/chat/<case>/`. A case without files of this format is skipped by name.
 * `model`: of dialects that name it in the path, not in the body.
 */
export function formatConformance(format: Format, model?: string): void {
  for (const name of CASES) {
    describe(`${format.name}: ${name}`, () => {
      if (format.outbound) outboundCase(format, format.outbound, { name, model })
      if (format.inbound) inboundCase(format, format.inbound, { name, model })
    })
  }
  if (format.outbound) errorCases(format, format.outbound)
}

function outboundCase(format: Format, outbound: Outbound, { name, model }: { name: string; model: string | undefined }): void {
  const requestFile = `${name}/${format.name}.request.json`
  const responseFile = `${name}/${format.name}.response.json`
  const streamFile = `${name}/${format.name}.stream.txt`

  it.skipIf(!has(requestFile))('encodes the request', () => {
    const wire = json(requestFile)
    const canonical = { ...json(`${name}/canonical-request.json`), model: wire.model ?? model } as unknown as ChatRequest
    expect(plain(outbound.encodeRequest(canonical, { defaultMaxOutputTokens: 4096 }).body)).toEqual(wire)
  })

  it.skipIf(!has(responseFile))('decodes the whole answer', () => {
    expect(essence(outbound.decodeResponse(json(responseFile)))).toEqual(expected(format, name, 'response'))
  })

  it.skipIf(!has(streamFile))('decodes the stream to the same answer, however it is cut', () => {
    const wanted = expected(format, name, has(`${name}/${format.name}.canonical-stream.json`) ? 'stream' : 'response')
    for (const sizes of [[], splits(1, 1), splits(7), splits(42)]) {
      const { out, error } = runFold(outbound.decodeStream, framesOf(format, streamBytes(format, streamFile), sizes), {})
      expect(error).toBeUndefined()
      expect(out.at(-1)?.type).toBe('response-end')
      expect(essence(foldParts(out))).toEqual(wanted)
      expectOrder(out)
    }
  })

  it.skipIf(!has(streamFile))('refuses the stream when it is cut before its terminator', () => {
    const frames = framesOf(format, streamBytes(format, streamFile))
    const { error } = runFold(outbound.decodeStream, frames.slice(0, Math.min(2, frames.length - 1)), {})
    expect((error as GatewayError | undefined)?.code).toBe('GW_UPSTREAM_TRUNCATED')
  })
}

function inboundCase(format: Format, inbound: Inbound, { name, model }: { name: string; model: string | undefined }): void {
  const requestFile = `${name}/${format.name}.request.json`
  const responseFile = `${name}/${format.name}.response.json`
  const streamFile = `${name}/${format.name}.stream.txt`

  it.skipIf(!has(requestFile))('decodes the request', () => {
    const wire = json(requestFile)
    const named = model === undefined ? undefined : { model, stream: false }
    const { request } = inbound.decodeRequest(wire, named)
    expect(request).toEqual({ ...expected(format, name, 'request'), model: wire.model ?? model })
    if (format.outbound) expect(plain(format.outbound.encodeRequest(request, { defaultMaxOutputTokens: 4096 }).body)).toEqual(wire)
  })

  const { outbound } = format
  if (!outbound) return
  it.skipIf(!has(responseFile))('writes the whole answer so that it reads back the same', () => {
    const response = outbound.decodeResponse(json(responseFile))
    expect(outbound.decodeResponse(plain(inbound.encodeResponse(response, REPLY)))).toEqual(response)
  })

  it.skipIf(!has(streamFile))('writes the stream so that it reads back the same', () => {
    const parts = runFold(outbound.decodeStream, framesOf(format, streamBytes(format, streamFile)), {}).out
    const frames = runFold(inbound.encodeStream, parts, REPLY).out
    const again = runFold(outbound.decodeStream, frames, {})
    expect(again.error).toBeUndefined()
    expect(foldParts(again.out)).toEqual(foldParts(parts))
  })

  it.skipIf(!has(streamFile))('ends a failed stream with the error event alone', () => {
    const parts = runFold(outbound.decodeStream, framesOf(format, streamBytes(format, streamFile)), {}).out.slice(0, 3)
    const failure = new GatewayError('GW_UPSTREAM_TRUNCATED', { provider: 'p' })
    const { out } = runFold(inbound.encodeStream, parts, REPLY, failure)
    expect(out.at(-1)).toEqual(inbound.encodeErrorFrame(failure))
    expect(out.filter((frame) => format.lens.mark(frame) === 'terminal')).toEqual([])
    expect(format.lens.mark(out.at(-1) as Frame)).toBe('error')
  })
}

function errorCases(format: Format, outbound: Outbound): void {
  const statusFile = `error-status/${format.name}.response.json`
  const streamFile = `error-mid-stream/${format.name}.stream.txt`
  it.skipIf(!has(statusFile))(`${format.name}: error-status`, () => {
    expect(outbound.decodeError(json(statusFile))).toMatchObject(expected(format, 'error-status', 'error'))
  })
  it.skipIf(!has(streamFile))(`${format.name}: error-mid-stream`, () => {
    const { error } = runFold(outbound.decodeStream, framesOf(format, streamBytes(format, streamFile)), {})
    expect(error).toBeInstanceOf(GatewayError)
    expect((error as GatewayError).code).toBe('GW_UPSTREAM_ERROR')
    expect((error as GatewayError).detail.upstream).toMatchObject(expected(format, 'error-mid-stream', 'error'))
  })
}

/** The order that StreamPart promises: one start first, parts open before their deltas, one end last. */
export function expectOrder(parts: readonly StreamPart[]): void {
  const open = new Set<string>()
  const ended = new Set<number>()
  expect(parts[0]?.type).toBe('response-start')
  expect(parts.filter((part) => part.type === 'response-start' || part.type === 'response-end')).toHaveLength(2)
  for (const part of parts) {
    if (!('choice' in part)) continue
    expect(ended.has(part.choice)).toBe(false)
    const key = 'index' in part ? `${part.choice}/${part.index}` : ''
    if (part.type === 'part-start') open.add(key)
    if (part.type === 'part-delta' || part.type === 'part-end') expect(open.has(key)).toBe(true)
    if (part.type === 'part-end') open.delete(key)
    if (part.type === 'choice-end') ended.add(part.choice)
  }
  expect([...open]).toEqual([])
}

/** What all formats must agree on: without ids, raw words and what only one format knows. */
function essence(response: ChatResponse): JsonObject {
  const choices = response.choices.map(({ index, parts, stop }) => ({
    index,
    parts: parts.map(({ extra: _extra, ...part }) => part),
    stop: { reason: stop.reason },
  }))
  const { inputTokens, outputTokens } = response.usage ?? { inputTokens: 0, outputTokens: 0 }
  return plain({ choices: choices as unknown as JsonObject[], usage: { inputTokens, outputTokens } })
}

/** What a case says in canonical form; a format's own file stands where the vendor cannot say the same (signatures, error types, usage of streams). */
function expected(format: Format, name: string, kind: 'request' | 'response' | 'stream' | 'error'): JsonObject {
  const own = `${name}/${format.name}.canonical-${kind}.json`
  return json(has(own) ? own : `${name}/canonical-${kind}.json`)
}

function plain(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}

function has(path: string): boolean {
  return existsSync(fileURLToPath(new URL(path, FIXTURES)))
}

function bytes(path: string): Uint8Array {
  return readFileSync(new URL(path, FIXTURES))
}

/** A recorded stream as the provider sends it: the files of binary framings are written as text. */
function streamBytes(format: Format, path: string): Uint8Array {
  return format.framing === 'aws-event-stream' ? awsStream(readFileSync(new URL(path, FIXTURES), 'utf8')) : bytes(path)
}

function json(path: string): JsonObject {
  return JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8')) as JsonObject
}
