import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, Part, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { isObject, type JsonObject } from '../../../../core/canonical/json.ts'
import type { GatewayError } from '../../../../core/errors.ts'
import type { Frame } from '../../../../core/format.ts'
import { FRAMINGS, type SseState } from '../../../../core/stream/framing.ts'
import { decodeStream } from '../../../../providers/formats/anthropic-messages/stream.ts'
import { expectGrammar, inbound, outbound, REPLY, write } from './helpers.ts'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/vercel-ai/anthropic')
const files = existsSync(FOLDER) ? readdirSync(FOLDER) : []

/** Recordings that hold several answers one after the other are cut at their ends. */
const streams = files
  .filter((file) => file.endsWith('.chunks.txt'))
  .flatMap((file) => {
    const lines = readFileSync(join(FOLDER, file), 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
    const answers: string[][] = [[]]
    for (const line of lines) {
      answers.at(-1)?.push(line)
      if (line.includes('"type":"message_stop"')) answers.push([])
    }
    return answers.filter((answer) => answer.length > 0).map((events, index) => ({ name: `${file} #${index}`, events }))
  })
const wholes = files
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ name: file, body: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as JsonObject }))
const spliced = streams.filter(({ name }) => name.startsWith('spliced'))
const sound = streams.filter(({ name }) => !name.startsWith('spliced'))

test.skipIf(files.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(files).toEqual([])
})

describe.skipIf(files.length === 0)('Anthropic recordings', () => {
  test.each(sound)('$name folds to what the whole body says', ({ events }) => {
    const parts = run(events)
    expectOrder(parts)
    expect(comparable(foldParts(parts))).toEqual(comparable(outbound.decodeResponse(assemble(events))))
  })

  test.each(sound)('$name is the same in random splits', ({ name, events }) => {
    const expected = foldParts(run(events))
    const bytes = Buffer.from(
      events.map((event) => `event: ${(JSON.parse(event) as { type: string }).type}\r\ndata: ${event}\r\n\r\n`).join(''),
    )
    const random = seeded(name)
    for (let round = 0; round < 3; round++) expect(foldParts(runBytes(bytes, random))).toEqual(expected)
  })

  test.each(spliced)('$name is refused', ({ events }) => {
    expect(() => run(events)).toThrow(/second message/)
  })

  test.each(sound)('$name is told a client so that it reads the same', ({ events }) => {
    const parts = run(events)
    const told = write(parts).map(({ data }) => data)
    expect(foldParts(run(told))).toEqual(withoutEmptyTexts(foldParts(parts)))
    expectGrammar(told.map((data) => JSON.parse(data) as JsonObject))
  })

  test.each(wholes)('$name is told a client as it came', ({ body }) => {
    const told = JSON.parse(JSON.stringify(inbound.encodeResponse(outbound.decodeResponse(body), REPLY))) as JsonObject
    expect(outbound.decodeResponse(told)).toEqual(withoutEmptyTexts(outbound.decodeResponse(body)))
    expect(told).toMatchObject({ id: body.id, model: body.model, usage: body.usage, stop_reason: body.stop_reason })
  })

  test.each(wholes)('$name comes back from a client, and goes on as it came', ({ body }) => {
    const content = withoutEmptyTexts(outbound.decodeResponse(body)).choices[0]?.parts
    const messages = [
      { role: 'assistant', content: body.content },
      { role: 'user', content: 'go on' },
    ]
    const { request } = inbound.decodeRequest({ model: 'claude-opus-4-6', max_tokens: 9, messages: messages as JsonObject[] })
    expect(request.messages[0]?.parts.filter((part) => part.type !== 'text' || part.text !== '')).toEqual(content)
  })

  test.each(wholes)('$name decodes, and its parts go back as they came', ({ body }) => {
    const response = outbound.decodeResponse(body)
    expect(response.usage?.inputTokens).toBeGreaterThanOrEqual(0)
    const parts = response.choices[0]?.parts as Part[]
    const { messages } = outbound.encodeRequest(
      { model: 'claude-opus-4-6', stream: false, messages: [{ role: 'assistant', parts }, user] },
      {},
    ).body
    const back = (messages as { role: string; content: unknown[] }[]).find((turn) => turn.role === 'assistant')?.content
    expect(back ?? []).toEqual((body.content as JsonObject[]).filter((block) => block.text !== '').map(withoutEmpty))
  })
})

const user = { role: 'user', parts: [{ type: 'text', text: 'go on' }] } as const

function run(events: readonly string[]): StreamPart[] {
  const parts: StreamPart[] = []
  const out = { push: (part: StreamPart) => void parts.push(part), end() {}, refuse: raise, wake() {} }
  let state = decodeStream.start()
  for (const data of events) {
    decodeStream.step(state, { data }, out)
    state = structuredClone(state)
  }
  decodeStream.end(state, out)
  return parts
}

function runBytes(bytes: Buffer, random: () => number): StreamPart[] {
  const parts: StreamPart[] = []
  const out = { push: (part: StreamPart) => void parts.push(part), end() {}, refuse: raise, wake() {} }
  const state = decodeStream.start()
  const framing = FRAMINGS['sse-typed'].decode
  const frames = { push: (frame: Frame) => decodeStream.step(state, frame, out), end() {}, refuse: raise, wake() {} }
  const framingState: SseState = framing.start()
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 400))
    framing.step(framingState, bytes.subarray(at, end), frames)
    at = end
  }
  framing.end(framingState, frames)
  decodeStream.end(state, out)
  return parts
}

function raise(error: Error): never {
  throw new Error((error as GatewayError).message)
}

/** Numbers from a text, always the same: a linear congruential generator. */
function seeded(seed: string): () => number {
  let value = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7)
  return () => {
    value = (value * 1664525 + 1013904223) >>> 0
    return value / 2 ** 32
  }
}

/** The message that a stream makes, by the rules of Anthropic's documentation: independent of the decoder. */
function assemble(events: readonly string[]): JsonObject {
  let message: JsonObject = {}
  const blocks: JsonObject[] = []
  const json = new Map<number, string>()
  for (const event of events.map((line) => JSON.parse(line) as JsonObject)) {
    const index = (event.index as number) + ((message.content as unknown[] | undefined)?.length ?? 0)
    const delta = (event.delta ?? {}) as JsonObject
    if (event.type === 'message_start') message = { ...(event.message as JsonObject) }
    else if (event.type === 'content_block_start') blocks[event.index as number] = { ...(event.content_block as JsonObject) }
    else if (event.type === 'content_block_delta')
      extend(blocks[event.index as number] as JsonObject, delta, (text) => json.set(index, (json.get(index) ?? '') + text))
    else if (event.type === 'content_block_stop' && json.get(index))
      (blocks[event.index as number] as JsonObject).input = JSON.parse(json.get(index) as string)
    else if (event.type === 'message_delta') {
      const { type: _type, delta: _delta, usage, ...rest } = event
      message = { ...message, ...rest, ...delta, usage: { ...(message.usage as JsonObject), ...(usage as JsonObject) } }
    }
  }
  return { ...message, content: [...((message.content as JsonObject[]) ?? []), ...blocks] }
}

function extend(block: JsonObject, delta: JsonObject, addJson: (text: string) => void): void {
  if (delta.type === 'text_delta') block.text = `${block.text}${delta.text}`
  else if (delta.type === 'thinking_delta') block.thinking = `${block.thinking}${delta.thinking}`
  else if (delta.type === 'signature_delta') block.signature = delta.signature
  else if (delta.type === 'citations_delta') block.citations = [...((block.citations ?? []) as JsonObject[]), delta.citation as JsonObject]
  else if (delta.type === 'input_json_delta') addJson(delta.partial_json as string)
  else block.content = delta.content
}

/** Arguments are text as the provider wrote it; compared by what they say. */
function comparable(response: ChatResponse): unknown {
  const parts = (choice: ChatResponse['choices'][number]) =>
    choice.parts.map((part) => (part.type === 'tool-call' ? { ...part, arguments: JSON.parse(part.arguments) } : part))
  return { ...response, choices: response.choices.map((choice) => ({ ...choice, parts: parts(choice) })) }
}

function expectOrder(parts: readonly StreamPart[]): void {
  expect(parts[0]?.type).toBe('response-start')
  expect(parts.slice(-2).map((part) => part.type)).toEqual(['choice-end', 'response-end'])
  const open = new Set<number>()
  for (const part of parts) {
    if (part.type === 'part-start') open.add(part.index)
    if (part.type === 'part-delta') expect(open.has(part.index)).toBe(true)
    if (part.type === 'part-end') expect(open.delete(part.index)).toBe(true)
  }
  expect(open.size).toBe(0)
}

/** Null fields and empty lists of citations say nothing and are not sent back. */
function withoutEmpty(block: JsonObject): JsonObject {
  const said = Object.entries(block).filter(
    ([field, value]) => value !== null && !(field === 'citations' && Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(said.map(([field, value]) => [field, isObject(value) ? { ...value } : value]))
}

/** Texts that say nothing are not told: the API refuses them when they come back. */
function withoutEmptyTexts(response: ChatResponse): ChatResponse {
  const isSaid = (part: Part) => part.type !== 'text' || part.text !== '' || (part.citations ?? []).length > 0
  return { ...response, choices: response.choices.map((choice) => ({ ...choice, parts: choice.parts.filter(isSaid) })) }
}
