import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../../../core/canonical/chat.ts'
import { claudeBetas } from '../../../../providers/formats/shared/claude-betas.ts'
import { encode } from './helpers.ts'

const schema = { type: 'object', properties: { a: { type: 'string' } } }
const responseFormat = { type: 'json-schema' as const, name: 'my answer', description: 'What is asked.', schema }
const vertex = { betas: { known: claudeBetas('vertex'), overrides: [] } }
const tool = { kind: 'function' as const, name: 'look', strict: true, parameters: schema }
const definition = { name: 'bf_so_my_answer', description: 'What is asked.', input_schema: schema }

describe('where no schema is taken, a tool stands for the answer', () => {
  test.each<[string, Partial<ChatRequest>, object]>([
    ['it must be called', {}, { type: 'tool', name: 'bf_so_my_answer' }],
    ['one at a time', { parallelToolCalls: false }, { type: 'tool', name: 'bf_so_my_answer', disable_parallel_tool_use: true }],
    ['any may be called where the client brought its own', { tools: [tool] }, { type: 'any' }],
    ['but for a client that wants none called', { tools: [tool], toolChoice: { mode: 'none' } }, { type: 'tool', name: 'bf_so_my_answer' }],
    ['a model that thinks takes no order', { reasoning: { budgetTokens: 2000 } }, { type: 'auto' }],
  ])('%s', (_, more, choice) => {
    const { body, carry, decodesAnswer, headers } = encode({ responseFormat, ...more }, vertex)
    expect(body.tools).toEqual([definition, ...(more.tools ? [{ name: 'look', input_schema: schema }] : [])])
    expect([body.tool_choice, body.output_config]).toEqual([choice, undefined])
    expect([carry, decodesAnswer]).toEqual([{ answer: 'bf_so_my_answer' }, true])
    expect(headers?.['anthropic-beta'] ?? '').not.toContain('structured-outputs')
  })

  test('under a name that none of the client’s tools has', () => {
    const tools = [{ ...tool, name: 'bf_so_my_answer' }]
    expect(encode({ responseFormat, tools }, vertex).carry).toEqual({ answer: 'bf_so_my_answer_2' })
  })

  test('an effort stays where it is', () => {
    const { body } = encode({ model: 'claude-opus-4-6', responseFormat, reasoning: { effort: 'low' } }, vertex)
    expect(body).toMatchObject({ output_config: { effort: 'low' }, tools: [definition], tool_choice: { type: 'auto' } })
  })
})

test.each([
  ['claude-3-5-haiku-20241022', false],
  ['claude-opus-4-1', false],
  ['claude-sonnet-4-20250514', false],
  ['claude-sonnet-4-5', true],
  ['claude-opus-4-7', true],
  ['my-deployment', true],
])('%s takes a schema: %s', (model, takes) => {
  const { body, carry } = encode({ model, responseFormat, tools: [tool] })
  expect(body.output_config !== undefined).toBe(takes)
  expect(JSON.stringify(body.tools).includes('"strict":true')).toBe(takes)
  expect(carry === undefined).toBe(takes)
})

test.each([
  ['structured-outputs-', true],
  ['structured-', true],
  ['fast-mode-', false],
])('an operator who lets %s through: %s', (prefix, takes) => {
  const betas = { known: claudeBetas('vertex'), overrides: [[prefix, true]] as const }
  expect(encode({ responseFormat }, { betas }).body.output_config !== undefined).toBe(takes)
})
