import { expect, test } from 'vitest'
import type { StreamPart } from '../../core/canonical/chat.ts'
import { demo } from '../../providers/demo.ts'

const ask = (text: string) => demo.respond!({ model: 'hello', text })
const textOf = (parts: readonly StreamPart[]) => parts.map((part) => (part.type === 'part-delta' ? part.delta.text : '')).join('')

test('answers in several parts, in the order that streams have, with usage', () => {
  const parts = ask('How are you?')
  const types = parts.map(({ type }) => type)
  const deltas = types.filter((type) => type === 'part-delta')
  expect(deltas.length).toBeGreaterThan(5)
  expect(types).toEqual(['response-start', 'part-start', ...deltas, 'part-end', 'choice-end', 'usage', 'response-end'])
  expect(parts).toContainEqual({ type: 'usage', usage: { inputTokens: 3, outputTokens: deltas.length, totalTokens: 3 + deltas.length } })
})

test('says back what was said, the same each time', () => {
  expect(textOf(ask('How  are\nyou?'))).toContain('You said: "How are you?"')
  expect(ask('x')).toEqual(ask('x'))
})

test('cuts a long question between characters', () => {
  const text = textOf(ask('😀'.repeat(100)))
  expect(text).toContain(`"${'😀'.repeat(60)}..."`)
  expect(text.isWellFormed()).toBe(true)
})

test('names its model, and leaves the id of each answer to the gateway', () => {
  expect(demo.models).toEqual(['hello'])
  expect(ask('x')[0]).toMatchObject({ type: 'response-start', id: '' })
})

test('has an answer to nothing', () => {
  expect(textOf(ask(''))).toMatch(/^Hello/)
})
