import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { Json, JsonObject } from '../../../../core/canonical/json.ts'
import { isObject } from '../../../../core/canonical/json.ts'
import { decodeStream } from '../../../../providers/formats/openai-chat/decode-stream.ts'
import { format } from '../../../../providers/formats/openai-chat/index.ts'
import { decodeResponse, encodeResponse } from '../../../../providers/formats/openai-chat/response.ts'
import { encodeStream } from '../../../../providers/formats/openai-chat/stream.ts'
import { expectOrder, framesOf, REPLY, runFold, splits } from '../../../conformance/format.ts'

const root = fileURLToPath(new URL('../../../../../shared/fixtures/vercel-ai/', import.meta.url))
const isThere = existsSync(root)
if (!isThere) console.warn('recordings skipped: ../shared/fixtures is not beside this repository')

const files = isThere
  ? (readdirSync(root, { recursive: true }) as string[]).filter((file) => file.endsWith('.json') || /\.(chunks\.txt|sse)$/.test(file))
  : []
const text = (file: string): string => readFileSync(root + file, 'utf8')

/** A recording is of this format when its objects say so, whoever the provider is. */
const streams = files.filter((file) => !file.endsWith('.json') && /"object":\s*"chat\.completion\.chunk"/.test(text(file)))
const wholes = files.filter((file) => file.endsWith('.json') && /"object":\s*"chat\.completion"/.test(text(file)))

/** Bytes of a recorded stream as the provider framed them. */
function sse(file: string): Uint8Array {
  const recorded = text(file)
  if (file.endsWith('.sse')) return Buffer.from(recorded)
  const events = recorded.split('\n').filter((line) => line !== '')
  return Buffer.from(events.map((event) => `data: ${event}\n\n`).join(''))
}

/** The whole answer that a stream's chunks are the pieces of, put together without our decoder: strings grow, lists of pieces too, the time is the first, the rest is last said. */
function assembled(frames: readonly { data: string }[]): JsonObject {
  const body: JsonObject = { choices: [] }
  for (const { data } of frames) {
    if (data === '[DONE]') continue
    const { choices, ...rest } = JSON.parse(data) as { choices: JsonObject[] }
    for (const [name, value] of Object.entries(rest)) {
      if (name === 'created' && body.created) continue
      if (value !== null || body[name] === undefined) body[name] = value as Json
    }
    for (const piece of choices) mergeChoice(body.choices as JsonObject[], piece)
  }
  return body
}

function mergeChoice(choices: JsonObject[], { delta, index, ...rest }: JsonObject): void {
  const known: JsonObject = choices[index as number] ?? { index, message: {} }
  choices[index as number] = known
  for (const [name, value] of Object.entries(rest)) if (value !== null) known[name] = value
  const message = known.message as JsonObject
  for (const [name, value] of Object.entries(delta as JsonObject)) {
    if (value === null || name === 'role') continue
    if (name === 'tool_calls') mergeCalls(message, value as JsonObject[])
    else if (Array.isArray(value)) message[name] = [...((message[name] as Json[]) ?? []), ...value]
    else if (typeof value === 'string' && Array.isArray(message[name])) continue
    else message[name] = typeof value === 'string' ? `${(message[name] as string) ?? ''}${value}` : value
  }
}

function mergeCalls(message: JsonObject, pieces: readonly JsonObject[]): void {
  const calls = (message.tool_calls as JsonObject[] | undefined) ?? []
  message.tool_calls = calls
  for (const piece of pieces) {
    const known = calls.find((call) => call.index === piece.index)
    const said = isObject(piece.function) ? piece.function : {}
    if (!known) calls.push({ ...piece, function: { ...said } })
    else (known.function as JsonObject).arguments = `${(known.function as JsonObject).arguments}${said.arguments ?? ''}`
  }
}

describe.skipIf(!isThere)('recorded streams', () => {
  it('are found', () => expect(streams.length).toBeGreaterThan(15))

  it.each(streams)('%s', (file) => {
    const bytes = sse(file)
    const frames = framesOf(format, bytes)
    const { out, error } = runFold(decodeStream, frames)
    expect(error).toBeUndefined()
    expectOrder(out)
    const response = foldParts(out)

    expect(response).toEqual(decodeResponse(assembled(frames)))
    // At most some 400 pieces each, so that the longest recordings do not take seconds.
    for (const seed of [1, 2]) expect(framesOf(format, bytes, splits(seed, Math.max(97, bytes.length >> 8)))).toEqual(frames)

    const written = runFold(encodeStream, out, REPLY).out
    const dated = { ...response, created: response.created ?? REPLY.created }
    expect(foldParts(runFold(decodeStream, written).out)).toEqual(dated)
    expect(written.filter((frame) => frame.data === '[DONE]')).toHaveLength(1)
    expect(decodeResponse(encodeResponse(response, REPLY))).toEqual(dated)
  })
})

describe.skipIf(!isThere)('recorded whole answers', () => {
  it('are found', () => expect(wholes.length).toBeGreaterThan(15))

  it.each(wholes)('%s', (file) => {
    const response = decodeResponse(JSON.parse(text(file)) as JsonObject)
    expect(response.choices.length).toBeGreaterThan(0)
    expect(response.usage?.inputTokens).toBeGreaterThan(0)
    expect(decodeResponse(encodeResponse(response, REPLY))).toEqual(response)
  })

  it('say the same as the stream of the same answer', () => {
    const pairs = streams
      .map((file) => [file, file.replace('.chunks.txt', '.json')] as const)
      .filter(([stream, whole]) => wholes.includes(whole) && signOf(stream) === signOf(whole))
    expect(pairs.length).toBeGreaterThan(0)
    for (const [stream, whole] of pairs) {
      const streamed = foldParts(runFold(decodeStream, framesOf(format, sse(stream))).out)
      const { parts, stop } = decodeResponse(JSON.parse(text(whole)) as JsonObject).choices[0] ?? {}
      expect(streamed.choices[0]).toMatchObject({ parts, stop })
    }
  })
})

/** Two recordings are of one answer when id and counts agree; some were edited by hand and kept their id alone. */
function signOf(file: string): string {
  const recorded = text(file)
  return `${/"id":\s*"([^"]+)"/.exec(recorded)?.[1]} ${/"total_tokens":\s*(\d+)/.exec(recorded)?.[1]}`
}
