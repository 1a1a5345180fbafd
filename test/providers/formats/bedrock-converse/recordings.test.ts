import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Carry, Frame } from '../../../../core/format.ts'
import { encodeAwsFrame } from '../../../../core/stream/framing-aws.ts'
import { format } from '../../../../providers/formats/bedrock-converse/index.ts'
import { expectOrder, framesOf, splits } from '../../../conformance/format.ts'
import { decode, inbound, outbound, plain, REPLY, user, write } from './helpers.ts'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/vercel-ai/amazon-bedrock')
const files = existsSync(FOLDER) ? readdirSync(FOLDER) : []
const streams = files.filter((file) => file.endsWith('.chunks.txt')).map((name) => ({ name, frames: read(name) }))
const wholes = files
  .filter((file) => file.endsWith('.json'))
  .map((name) => ({ name, body: JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as JsonObject }))

/** The recordings call the tool that stands for a schema so. */
const CARRIES: [string, Carry | undefined][] = [
  ['as it is', undefined],
  ['with a tool for the schema', { answer: 'json' }],
]
const cases = CARRIES.flatMap(([how, carry]) => streams.map((stream) => ({ ...stream, how, carry })))

test.skipIf(files.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(files).toEqual([])
})

describe.skipIf(files.length === 0)('Bedrock recordings', () => {
  test.each(cases)('$name, $how, folds to what the whole body says', ({ frames, carry }) => {
    const { parts, errors } = decode(frames, carry ? { carry } : {})
    expect(errors).toEqual([])
    expectOrder(parts)
    expect(comparable(foldParts(parts))).toEqual(comparable(outbound.decodeResponse(assemble(frames), carry)))
  })

  test.each(streams)('$name is the same in random splits of its binary form', ({ name, frames }) => {
    const bytes = Buffer.concat(frames.map((frame) => encodeAwsFrame(frame)))
    for (let round = 0; round < 5; round++) {
      expect(framesOf(format, bytes, splits(name.length * 31 + round, 200))).toEqual(frames)
    }
  })

  test.each(streams)('$name is truncated wherever it is cut before its end', ({ frames }) => {
    const end = frames.findIndex((frame) => frame.event === 'messageStop')
    for (let cut = 0; cut <= end; cut++) {
      expect(decode(frames.slice(0, cut)).errors[0]).toMatchObject({ code: 'GW_UPSTREAM_TRUNCATED' })
    }
  })

  test.each(streams)('$name is the same once it went through the client side', ({ frames }) => {
    const { parts } = decode(frames)
    const written = write(parts)
    const again = decode(written)
    expect(again.errors).toEqual([])
    expect(foldParts(again.parts)).toEqual(completed(foldParts(parts)))
    const bytes = Buffer.concat(written.map((frame) => encodeAwsFrame(frame)))
    expect(framesOf(format, bytes, splits(frames.length, 200))).toEqual(written)
  })

  test.each(wholes)('$name is the same once it went through the client side', ({ body }) => {
    const response = outbound.decodeResponse(body)
    expect(outbound.decodeResponse(plain(inbound.encodeResponse(response, REPLY)))).toEqual(completed(response))
  })

  test.each(wholes)('$name decodes, and its parts go back as they came', ({ body }) => {
    const response = outbound.decodeResponse(body)
    const parts = response.choices[0]?.parts ?? []
    const messages = [user('q'), { role: 'assistant', parts } as const, user('go on')]
    const sent = outbound.encodeRequest({ model: 'anthropic.claude-opus-4-6-v1', stream: false, messages }, {}).body.messages
    const { content } = (body.output as { message: { content: JsonObject[] } }).message
    expect((sent as JsonObject[])[1]).toEqual({ role: 'assistant', content: content.map(({ type: _type, ...block }) => block) })
  })

  test.each(wholes)('$name gives the input of the tool that stands for a schema as the answer', ({ body }) => {
    const [choice] = outbound.decodeResponse(body, { answer: 'json' }).choices
    const calls = choice?.parts.filter((part) => part.type === 'tool-call') ?? []
    expect(calls.map((call) => call.name)).not.toContain('json')
    if (calls.length > 0 || !JSON.stringify(body).includes('"json"')) return
    expect(choice?.parts).toHaveLength(1)
    expect(choice?.stop.reason).toBe('stop')
  })
})

/** Strict clients want usage and latency; where nobody told them they are 0. */
function completed(response: ChatResponse): ChatResponse {
  const { 'bedrock-converse': own, ...extra } = response.extra ?? {}
  const value = { inputTokens: 0, outputTokens: 0, totalTokens: 0 }
  const nothing = { inputTokens: 0, outputTokens: 0, raw: { format: 'bedrock-converse', value } }
  const usage = response.usage ?? nothing
  return { ...response, usage, extra: { ...extra, 'bedrock-converse': { metrics: { latencyMs: 0 }, ...own } } }
}

/** A line is one event: `{type: payload}`. */
function read(name: string): Frame[] {
  return readFileSync(join(FOLDER, name), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [entry] = Object.entries(JSON.parse(line) as JsonObject)
      return { event: entry?.[0], data: JSON.stringify(entry?.[1]) }
    })
}

/** The body that a stream makes, by the rules of the documentation: independent of the decoder. */
function assemble(frames: readonly Frame[]): JsonObject {
  const content: JsonObject[] = []
  const inputs = new Map<number, string>()
  let body: JsonObject = {}
  for (const { event, data } of frames) {
    const { contentBlockIndex, start, delta, ...rest } = JSON.parse(data) as {
      contentBlockIndex: number
      start?: JsonObject
      delta?: JsonObject
    }
    if (start?.toolUse) content[contentBlockIndex] = { toolUse: { ...(start.toolUse as JsonObject), input: {} } }
    if (delta) extend(content, inputs, { index: contentBlockIndex, delta })
    if (event === 'messageStop' || event === 'metadata') body = { ...body, ...rest }
  }
  for (const [index, input] of inputs) (content[index]?.toolUse as JsonObject).input = JSON.parse(input || '{}')
  return { ...body, output: { message: { role: 'assistant', content } } }
}

function extend(content: JsonObject[], inputs: Map<number, string>, { index, delta }: { index: number; delta: JsonObject }): void {
  const block = content[index] ?? {}
  content[index] = block
  const thought = delta.reasoningContent as JsonObject | undefined
  if (typeof delta.text === 'string') block.text = `${block.text ?? ''}${delta.text}`
  if (delta.toolUse) inputs.set(index, (inputs.get(index) ?? '') + (delta.toolUse as JsonObject).input)
  if (!thought) return
  const said = ((block.reasoningContent as JsonObject | undefined)?.reasoningText ?? { text: '' }) as JsonObject
  const signature = thought.signature === undefined ? {} : { signature: thought.signature }
  block.reasoningContent = { reasoningText: { ...said, text: `${said.text}${thought.text ?? ''}`, ...signature } }
}

/** Arguments are text as the provider wrote it; compared by what they say. So is an answer that a tool gave. */
function comparable(response: ChatResponse): unknown {
  return {
    ...response,
    choices: response.choices.map((choice) => ({
      ...choice,
      parts: choice.parts.map((part) => {
        if (part.type === 'tool-call') return { ...part, arguments: JSON.parse(part.arguments) }
        return part.type === 'text' && part.text.startsWith('{') ? { ...part, text: JSON.parse(part.text) } : part
      }),
    })),
  }
}

test('the order that parts promise holds for an empty answer', () => {
  const { parts } = decode([{ event: 'messageStop', data: '{"stopReason":"end_turn"}' }])
  expectOrder(parts)
  expect(parts.map((part: StreamPart) => part.type)).toEqual(['response-start', 'choice-end', 'response-end'])
})
