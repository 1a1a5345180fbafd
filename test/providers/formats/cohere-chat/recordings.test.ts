import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Outbound } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/cohere-chat/index.ts'
import { expectOrder, framesOf, runFold, splits } from '../../../conformance/format.ts'
import { inbound, plain, REPLY, write } from './helpers.ts'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/vercel-ai/cohere')
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => /\.(txt|json)$/.test(file) && !file.includes('embedding')) : []
const streams = files.filter((file) => file.endsWith('.chunks.txt'))
const wholes = files.filter((file) => file.endsWith('.json'))
const outbound = format.outbound as Outbound
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')
const bodyOf = (name: string): JsonObject => JSON.parse(read(name)) as JsonObject
const bytesOf = (name: string): Buffer =>
  Buffer.from(
    read(name)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => `event: ${(JSON.parse(line) as { type: string }).type}\ndata: ${line}\n\n`)
      .join(''),
  )

/** What a client reads of an answer. */
function essence({ choices, usage }: ChatResponse): object {
  const parts = choices[0]?.parts.map(({ extra: _, ...part }) => part)
  return { parts, stop: choices[0]?.stop, usage: usage && [usage.inputTokens, usage.outputTokens] }
}

test.skipIf(files.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(files).toEqual([])
})

describe.skipIf(files.length === 0)('Cohere recordings', () => {
  test.each(streams)('%s folds to an answer, however it is cut', (name) => {
    const bytes = bytesOf(name)
    const run = (sizes: Iterable<number>) => runFold(outbound.decodeStream, framesOf(format, bytes, sizes))
    const { out, error } = run([])
    expect(error).toBeUndefined()
    expectOrder(out as StreamPart[])
    for (const seed of [1, 2, 3]) expect(run(splits(seed)).out).toEqual(out)
    const { choices } = foldParts(out as StreamPart[])
    expect(choices[0]?.stop.reason).not.toBe('other')
    for (const part of choices[0]?.parts ?? [])
      if (part.type === 'tool-call') expect(JSON.parse(part.arguments)).toEqual(expect.any(Object))
  })

  test.each(streams)('%s is the same once it went through the client side', (name) => {
    const parts = runFold(outbound.decodeStream, framesOf(format, bytesOf(name))).out as StreamPart[]
    const again = runFold(outbound.decodeStream, write(parts))
    expect(again.error).toBeUndefined()
    expect(foldParts(again.out as StreamPart[])).toEqual(foldParts(parts))
  })

  test.each(wholes)('%s is the same once it went through the client side', (name) => {
    const response = outbound.decodeResponse(bodyOf(name))
    const written = inbound.encodeResponse(response, REPLY)
    expect(outbound.decodeResponse(plain(written))).toEqual(response)
    const { message, finish_reason, usage } = bodyOf(name)
    if (!name.includes('null-args')) expect(plain(written)).toMatchObject({ message, finish_reason, usage } as JsonObject)
  })

  test.each(wholes)('%s is read', (name) => {
    const answer = outbound.decodeResponse(bodyOf(name))
    expect(answer.choices[0]?.parts.length).toBeGreaterThan(0)
    expect(answer.choices[0]?.stop.reason).not.toBe('other')
    expect(answer.usage?.outputTokens).toBeGreaterThan(0)
    for (const part of answer.choices[0]?.parts ?? [])
      if (part.type === 'tool-call') expect(JSON.parse(part.arguments)).toEqual(expect.any(Object))
  })

  test.each(streams)('%s says what the whole body of its own events says', (name) => {
    const lines = read(name)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JsonObject)
    const { out } = runFold(outbound.decodeStream, framesOf(format, bytesOf(name)))
    expect(essence(foldParts(out as StreamPart[]))).toEqual(essence(outbound.decodeResponse(assembled(lines))))
  })
})

interface Loose {
  type: string
  index: number
  delta: {
    finish_reason?: string
    usage?: JsonObject
    message: {
      content: Loose & { text?: string; thinking?: string }
      tool_calls: { id: string; function: { name: string; arguments: string } }
      tool_plan?: string
      citations?: JsonObject
    }
  }
}

/** The whole body that these events are the pieces of. */
function assembled(lines: readonly JsonObject[]): JsonObject {
  const content: Record<string, string>[] = []
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = []
  const citations: JsonObject[] = []
  let plan = ''
  let end: Loose['delta'] | undefined
  for (const { type, index, delta } of lines as unknown as Loose[]) {
    if (type === 'content-start') content[index] = { type: delta.message.content.type }
    if (type === 'content-start' || type === 'content-delta') {
      const { text, thinking } = delta.message.content
      const block = content[index] as Record<string, string>
      if (text !== undefined) block.text = (block.text ?? '') + text
      if (thinking !== undefined) block.thinking = (block.thinking ?? '') + thinking
    }
    if (type === 'tool-plan-delta') plan += delta.message.tool_plan ?? ''
    if (type === 'tool-call-start')
      calls[index] = { type: 'function', id: delta.message.tool_calls.id, function: { ...delta.message.tool_calls.function } }
    if (type === 'tool-call-delta')
      (calls[index] as (typeof calls)[number]).function.arguments += delta.message.tool_calls.function.arguments
    if (type === 'citation-start') citations.push(delta.message.citations ?? {})
    if (type === 'message-end') end = delta
  }
  const message = { content: content.filter(Boolean), tool_calls: calls.filter(Boolean), tool_plan: plan, citations }
  return { id: 'x', message, finish_reason: end?.finish_reason, usage: end?.usage } as unknown as JsonObject
}
