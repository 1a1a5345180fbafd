import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Outbound } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/gemini/index.ts'
import { expectOrder, framesOf, runFold, splits } from '../../../conformance/format.ts'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/vercel-ai/google')
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => /\.(txt|json)$/.test(file)) : []
const streams = files.filter((file) => file.endsWith('.chunks.txt'))
const wholes = files.filter((file) => file.endsWith('.json') && !file.includes('429'))
const outbound = format.outbound as Outbound
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')
const linesOf = (name: string): string[] =>
  read(name)
    .split('\n')
    .filter((line) => line.trim() !== '')
const sse = (name: string): Buffer =>
  Buffer.from(
    linesOf(name)
      .map((line) => `data: ${line}\r\n\r\n`)
      .join(''),
  )

test.skipIf(files.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(files).toEqual([])
})

/** The whole body that these events are the pieces of. */
function assembled(name: string): JsonObject {
  const events = linesOf(name).map((line) => JSON.parse(line) as { candidates?: { content?: { parts?: JsonObject[] } }[] } & JsonObject)
  const parts = events.flatMap((event) => event.candidates?.[0]?.content?.parts ?? [])
  const last = events.at(-1) as JsonObject
  const [candidate] = last.candidates as JsonObject[]
  return { ...last, candidates: [{ ...candidate, content: { role: 'model', parts } }] } as JsonObject
}

describe.skipIf(files.length === 0)('recordings of Gemini', () => {
  test.each(streams)('%s folds to an answer, however it is cut, and says what the whole body of its own events says', (name) => {
    const run = (sizes: Iterable<number>) => runFold(outbound.decodeStream, framesOf(format, sse(name), sizes), {})
    const { out, error } = run([])
    expect(error).toBeUndefined()
    expectOrder(out as StreamPart[])
    for (const seed of [1, 2, 3]) expect(run(splits(seed)).out).toEqual(out)
    const answer = foldParts(out as StreamPart[])
    expect(answer.choices[0]?.stop.reason).not.toBe('other')
    for (const part of answer.choices[0]?.parts ?? [])
      if (part.type === 'tool-call') expect(JSON.parse(part.arguments)).toEqual(expect.any(Object))
    expect(answer).toEqual(outbound.decodeResponse(assembled(name)))
  })

  test.each(streams)('%s says the same as a JSON array', (name) => {
    const array = Buffer.from(`[${linesOf(name).join('\n,\r\n')}\n]\n`)
    const frames = framesOf({ ...format, framing: 'json-array' }, array, splits(7))
    expect(runFold(outbound.decodeStream, frames, {}).out).toEqual(runFold(outbound.decodeStream, framesOf(format, sse(name)), {}).out)
  })

  test.each(wholes)('%s is read, and its turn goes back as it came', (name) => {
    const body = JSON.parse(read(name)) as { candidates: { content: { parts: JsonObject[] } }[] } & JsonObject
    const answer = outbound.decodeResponse(body)
    expect(answer.choices[0]?.stop.reason).not.toBe('other')
    expect(answer.usage?.outputTokens).toBeGreaterThan(0)
    const { body: next } = outbound.encodeRequest(
      { model: 'gemini-2.5-pro', stream: false, messages: [{ role: 'assistant', parts: answer.choices[0]?.parts ?? [] }] },
      {},
    )
    expect(next.contents).toEqual([{ role: 'model', parts: body.candidates[0]?.content.parts }])
  })

  test('a spent quota says when to come back', () => {
    expect(outbound.decodeError(JSON.parse(read('google-429-retry-info.json')) as JsonObject)).toMatchObject({
      code: '429',
      retryAfterMs: expect.any(Number),
    })
  })
})
