import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { type JsonObject, parseObject } from '../../../../core/canonical/json.ts'
import type { Inbound, Outbound } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/openai-responses/index.ts'
import { expectOrder, framesOf, REPLY, runFold, splits } from '../../../conformance/format.ts'

const FOLDERS = ['openai/responses', 'open-responses/responses', 'azure', 'xai'].map((name) =>
  join(import.meta.dirname, '../../../../../shared/fixtures/vercel-ai', name),
)
const outbound = format.outbound as Outbound
const inbound = format.inbound as Inbound

/** Events of a recording; some of them are written over several lines. */
function eventsIn(path: string): JsonObject[] {
  const events: JsonObject[] = []
  let text = ''
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    text += line
    const event = parseObject(text)
    if (event) events.push(event)
    if (event || text.trim() === '') text = ''
  }
  return events
}

/** As the wire has them. */
function bytesOf(path: string): Buffer {
  const events = eventsIn(path)
  return Buffer.from(events.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
}

const isResponses = (path: string): boolean => /"type":\s*"response\.|"object":\s*"response"/.test(readFileSync(path, 'utf8'))
const files = FOLDERS.filter(existsSync).flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(txt|json)$/.test(path) && isResponses(path)),
)
const named = (paths: string[]) => paths.map((path) => [path.split('/').slice(-2).join('/'), path] as const)
const streams = named(files.filter((path) => path.endsWith('.chunks.txt')))
const wholes = named(files.filter((path) => path.endsWith('.json')))

/** What a client reads of an answer: without what only this format knows. */
function essence({ choices, usage, id, model }: ChatResponse): object {
  const parts = choices[0]?.parts.filter((part) => part.type !== 'opaque').map(bare)
  return { id, model, parts, stop: choices[0]?.stop, usage }
}

function bare({ extra: _extra, ...part }: Part): object {
  // Strict clients want numbers where a source has no place in the text.
  return part.type === 'text' ? { ...part, citations: part.citations?.map(({ url }) => url) } : part
}

/** The whole response that the stream's last event says; some recordings hold several streams, of which the first is read. */
function finalOf(path: string): JsonObject | undefined {
  const last = eventsIn(path).find(({ type }) => type === 'response.completed' || type === 'response.incomplete')
  return last?.response as JsonObject | undefined
}

/** Whose texts were shortened by those who recorded them, in the deltas or in the last event. */
const SHORTENED = /openai-(?:phase|shell-container|shell-tool)\.1/

test.skipIf(files.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(files).toEqual([])
})

describe.skipIf(files.length === 0)('recordings of the Responses API', () => {
  test.each(streams)('%s folds to what its last event says, however it is cut', (_, path) => {
    const bytes = bytesOf(path)
    const run = (sizes: Iterable<number>) => runFold(outbound.decodeStream, framesOf(format, bytes, sizes), {})
    const { out, error } = run([])
    const final = finalOf(path)
    if (error) return expect(error.message).toMatch(/./)
    expectOrder(out as StreamPart[])
    for (const seed of [1, 2]) expect(run(splits(seed)).out).toEqual(out)
    if (final && !SHORTENED.test(path)) {
      const whole = outbound.decodeResponse(final)
      expect(textsOf(foldParts(out as StreamPart[]))).toEqual(textsOf(whole))
      expect(foldParts(out as StreamPart[]).usage).toEqual(whole.usage)
    }
  })

  test.each(streams)('%s reads back the same after it is written again', (_, path) => {
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytesOf(path)), {})
    if (error) return
    const frames = runFold(inbound.encodeStream, out, REPLY).out
    const numbers = frames.map(({ data }) => (JSON.parse(data) as { sequence_number: number }).sequence_number)
    expect(numbers).toEqual(numbers.map((__, index) => index))
    const again = runFold(outbound.decodeStream, frames, {})
    expect(again.error).toBeUndefined()
    expect(textsOf(foldParts(again.out))).toEqual(textsOf(foldParts(out)))
  })

  test.each(wholes)('%s is read, and reads back the same after it is written again', (_, path) => {
    const body = JSON.parse(readFileSync(path, 'utf8')) as JsonObject
    if (body.object !== 'response') return
    const answer = outbound.decodeResponse(body)
    expect(answer.choices[0]?.parts.length).toBeGreaterThan(0)
    const again = outbound.decodeResponse(JSON.parse(JSON.stringify(inbound.encodeResponse(answer, REPLY))) as JsonObject)
    expect(essence(again)).toEqual(essence(answer))
  })
})

/** Texts, refusals, calls and thoughts, in their order. */
function textsOf({ choices }: ChatResponse): unknown[] {
  return (choices[0]?.parts ?? []).flatMap((part): unknown[] => {
    if (part.type === 'tool-call') return [[part.type, part.id, part.name, part.arguments || '{}']]
    if (part.type === 'text' || part.type === 'refusal') return [[part.type, part.text]]
    return part.type === 'reasoning' && part.text !== '' ? [[part.type, part.text]] : []
  })
}
