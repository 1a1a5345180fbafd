import { expect, test } from 'vitest'
import type { ChatRequest } from '../../../../core/canonical/chat.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { modelTraits } from '../../../../providers/formats/shared/claude-thinking.ts'
import { betas, encode } from './helpers.ts'

const sent = (model: string, more: Partial<ChatRequest>) => {
  const { thinking, output_config: config, max_tokens: limit } = encode({ model, ...more }).body
  return { thinking, config, limit }
}

test.each([
  ['claude-3-opus-20240229', false, false],
  ['claude-3-7-sonnet-20250219', false, false],
  ['claude-opus-4-20250514', false, false],
  ['claude-opus-4-1-20250805', false, false],
  ['claude-sonnet-4-5-20250929', false, false],
  ['claude-opus-4-6', true, false],
  ['claude-sonnet-4.6', true, false],
  ['claude-opus-4-7', true, true],
  ['anthropic.claude-opus-4-7-20260401-v1:0', true, true],
  ['claude-fable-5', true, true],
  ['claude-opus-4-10', true, true],
  ['my-deployment', false, false],
])('%s: adaptive %s, adaptive only %s', (model, isAdaptive, isAdaptiveOnly) => {
  expect(modelTraits(model)).toMatchObject({ isAdaptive, isAdaptiveOnly })
})

test.each([
  ['claude-sonnet-4-5', 2000, { type: 'enabled', budget_tokens: 2000 }, 10000],
  ['claude-sonnet-4-5', -1, { type: 'enabled', budget_tokens: 1024 }, 10000],
  ['claude-sonnet-4-5', 20000, { type: 'enabled', budget_tokens: 9999 }, 10000],
  ['claude-opus-4-7', 2000, { type: 'adaptive', display: 'summarized' }, 10000],
])('%s with a budget of %i', (model, budgetTokens, thinking, limit) => {
  expect(sent(model, { maxOutputTokens: 10000, reasoning: { budgetTokens } })).toEqual({ thinking, config: undefined, limit })
})

test('a budget over the default limit raises the limit', () => {
  expect(sent('claude-sonnet-4-5', { reasoning: { budgetTokens: 16000 } })).toMatchObject({
    thinking: { budget_tokens: 16000 },
    limit: 20096,
  })
})

test.each([
  [{ reasoning: { budgetTokens: 1023 } }],
  [{ reasoning: { budgetTokens: 2000 }, maxOutputTokens: 1024 }],
  [{ reasoning: { effort: 'low' as const }, maxOutputTokens: 1024 }],
])('%j leaves no room and is refused', (more) => {
  expect(() => encode(more)).toThrow(GatewayError)
  expect(() => encode(more)).toThrow(/1024 tokens/)
})

test.each([
  ['minimal', 1024 + 224],
  ['low', 1024 + 1346],
  ['medium', 1024 + 3814],
  ['high', 1024 + 7180],
  ['xhigh', 1024 + 7180],
] as const)('effort %s is a budget for older models', (effort, budget) => {
  expect(sent('claude-sonnet-4-5', { maxOutputTokens: 10000, reasoning: { effort } })).toEqual({
    thinking: { type: 'enabled', budget_tokens: budget },
    config: undefined,
    limit: 10000,
  })
})

test.each([
  ['claude-opus-4-5', 'minimal', 'low'],
  ['claude-opus-4-5', 'max', 'high'],
  ['claude-opus-4-6', 'xhigh', 'high'],
  ['claude-opus-4-6', 'max', 'max'],
  ['claude-sonnet-4-6', 'max', 'high'],
  ['claude-opus-4-7', 'xhigh', 'xhigh'],
  ['claude-opus-4-7', 'max', 'max'],
] as const)('%s takes effort %s as %s', (model, effort, expected) => {
  const { thinking, config } = sent(model, { reasoning: { effort } })
  expect(config).toEqual({ effort: expected })
  expect(thinking).toMatchObject({ type: model === 'claude-opus-4-5' ? 'enabled' : 'adaptive' })
})

test('none is disabled, on every model', () => {
  for (const model of ['claude-sonnet-4-5', 'claude-opus-4-7'])
    expect(sent(model, { reasoning: { effort: 'none' } })).toMatchObject({ thinking: { type: 'disabled' }, config: undefined })
})

test('adaptive is kept where the model has it, else a budget', () => {
  expect(sent('claude-opus-4-6', { reasoning: { adaptive: true } }).thinking).toEqual({ type: 'adaptive' })
  expect(sent('claude-sonnet-4-5', { reasoning: { adaptive: true } }).thinking).toMatchObject({ type: 'enabled' })
})

test('display passes through', () => {
  expect(sent('claude-opus-4-7', { reasoning: { effort: 'low', display: 'omitted' } }).thinking).toEqual({
    type: 'adaptive',
    display: 'omitted',
  })
  expect(sent('claude-opus-4-7', { reasoning: { effort: 'low' } }).thinking).toEqual({ type: 'adaptive', display: 'summarized' })
})

test('a model that thinks takes only default sampling', () => {
  const { body, dropped } = encode({ temperature: 0.2, topK: 4, reasoning: { budgetTokens: 2000 } })
  expect([body.temperature, body.top_k, dropped]).toEqual([undefined, undefined, ['temperature', 'top_k']])
  expect(encode({ temperature: 1, reasoning: { budgetTokens: 2000 } }).body.temperature).toBe(1)
})

test('thinking with tools may interleave', () => {
  const tools = [{ kind: 'function', name: 'f' } as const]
  expect(betas({ tools, reasoning: { budgetTokens: 2000 } })).toEqual(['interleaved-thinking-2025-05-14'])
  expect(betas({ tools, reasoning: { effort: 'none' } })).toEqual([])
})
