import { describe, expect, test } from 'vitest'
import type { Part } from '../../../../core/canonical/chat.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Frame, Inbound } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { unwrap, wrap } from '../../../../providers/formats/bedrock-invoke/chunks.ts'
import { formats } from '../../../../providers/formats/index.ts'
import { familyOfBody, familyOfModel } from '../../../../providers/formats/shared/invoke-families.ts'
import { readPrompt } from '../../../../providers/formats/shared/prompt-templates.ts'
import { REPLY, runFold } from '../../../conformance/format.ts'

const format = formats.find(({ name }) => name === 'bedrock-invoke') as (typeof formats)[number]
const inbound = format.inbound as Inbound
const none = (): undefined => undefined

test.each([
  ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude'],
  ['arn:aws:bedrock:us-east-1:1:inference-profile/apac.amazon.nova-pro-v1:0', 'nova'],
  ['amazon.titan-text-express-v1', 'titan'],
  ['amazon.titan-tg1-large', 'titan'],
  ['meta.llama3-8b-instruct-v1:0', 'llama'],
  ['mistral.mixtral-8x7b-instruct-v0:1', 'mistral'],
  ['cohere.command-r-v1:0', 'cohere'],
  ['us.deepseek.r1-v1:0', 'deepseek'],
  ['ai21.jamba-1-5-mini-v1:0', 'openai'],
  ['openai.gpt-oss-20b-1:0', 'openai'],
  ['qwen.qwen3-32b-v1:0', 'openai'],
  ['openai/gpt-4o', undefined],
  ['anthropic/claude-sonnet-4-5', undefined],
  ['mistral/mistral-large', undefined],
  ['amazon.titan-image-generator-v1', undefined],
  ['arn:aws:bedrock:us-east-1:1:application-inference-profile/abc', undefined],
])('the id %s is of %s', (model, family) => {
  expect(familyOfModel(model, none)).toBe(family)
})

test.each<[JsonObject, string | undefined]>([
  [{ inputText: 'x' }, 'titan'],
  [{ anthropic_version: 'v', messages: [] }, 'claude'],
  [{ messages: [{ role: 'user', content: 'x' }], system: 'x' }, 'claude'],
  [{ messages: [{ role: 'user', content: [{ text: 'x' }] }] }, 'nova'],
  [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }, 'openai'],
  [{ messages: [{ role: 'user', content: 'x' }] }, 'openai'],
  [{ message: 'x' }, 'cohere'],
  [{ prompt: 'x' }, 'llama'],
  [{ prompt: 'x', max_gen_len: 1, stop: [] }, 'llama'],
  [{ prompt: 'x', max_tokens: 1 }, 'mistral'],
  [{ prompt: 'x', max_tokens_to_sample: 1 }, 'claude-prompt'],
  [{ prompt: '<｜User｜>x<｜Assistant｜>', max_tokens: 1 }, 'deepseek'],
  [{ taskType: 'TEXT_IMAGE' }, undefined],
])('the body %j has the shape of %s', (body, family) => {
  expect(familyOfBody((name) => body[name])).toBe(family)
})

test.each<[string, [string, string][]]>([
  [
    '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    [
      ['system', 'Be kind.'],
      ['user', 'Hi'],
    ],
  ],
  [
    '<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Hello </s><s>[INST] Again [/INST]',
    [
      ['system', 'Be kind.'],
      ['user', 'Hi'],
      ['assistant', 'Hello'],
      ['user', 'Again'],
    ],
  ],
  ['<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜><think>\n', [['user', 'Hi']]],
  [
    'Be kind.\nUser: Hi\nBot: Hello\nUser: Again\nBot:',
    [
      ['system', 'Be kind.'],
      ['user', 'Hi'],
      ['assistant', 'Hello'],
      ['user', 'Again'],
    ],
  ],
  ['Translate: User: hi', [['user', 'Translate: User: hi']]],
  ['What does [INST] mean?', [['user', 'What does [INST] mean?']]],
  ['[/INST]', [['user', '[/INST]']]],
])('the prompt %j', (prompt, said) => {
  expect(readPrompt(prompt).map(({ role, parts }) => [role, (parts[0] as { text: string }).text])).toEqual(said)
})

const PARTS: Part[] = [
  { type: 'reasoning', text: 'Hm.' },
  { type: 'text', text: 'Look 😀' },
]
const ANSWER = {
  id: 'a',
  model: 'm',
  choices: [{ index: 0, parts: PARTS, stop: { reason: 'length' as const } }],
  usage: { inputTokens: 9, outputTokens: 4, cacheReadTokens: 3, cacheWriteTokens: 1 },
}

describe.each(['claude', 'claude-prompt', 'nova', 'titan', 'llama', 'mistral', 'mistral-chat', 'cohere', 'deepseek', 'openai'])(
  '%s',
  (family) => {
    const reply = { ...REPLY, streamUsage: undefined, carry: { family } }
    const frames: Frame[] = runFold(inbound.encodeStream, explode(ANSWER), reply).out

    test('the lens knows its chunks: content, the end once, the usage', () => {
      const marks = frames.map((frame) => format.lens.mark(frame))
      expect(marks).toContain('content')
      expect(marks.filter((mark) => mark === 'finish').length).toBeGreaterThan(0)
      expect(marks).not.toContain('error')
      const told = frames.map(({ data }) => format.lens.usage(data)).filter((usage) => usage !== undefined)
      expect(told).toEqual([{ inputTokens: 9, outputTokens: 4, cacheReadTokens: 3, cacheWriteTokens: 1 }])
      expect(JSON.parse(unwrap(frames.at(-1) as Frame) ?? '')).toMatchObject({
        'amazon-bedrock-invocationMetrics': { inputTokenCount: 5, outputTokenCount: 4 },
      })
    })

    test('a stream that an earlier stage cut short ends well', () => {
      const cut = explode(ANSWER).filter(({ type }) => type !== 'choice-end' && type !== 'response-end' && type !== 'usage')
      const marks = runFold(inbound.encodeStream, cut, reply).out.map((frame) => format.lens.mark(frame))
      expect(marks.some((mark) => mark === 'finish')).toBe(true)
    })

    test('the usage of a whole answer', () => {
      const body = JSON.stringify(inbound.encodeResponse({ ...ANSWER, usage: { inputTokens: 9, outputTokens: 4 } }, reply))
      const usage = format.lens.usage(body)
      // These tell it in headers.
      if (['mistral', 'deepseek', 'claude-prompt'].includes(family)) expect(usage).toBeUndefined()
      else expect(usage).toMatchObject({ inputTokens: 9, outputTokens: 4 })
    })
  },
)

test.each<[JsonObject, string[], number | undefined]>([
  [
    {
      system: 'a',
      messages: [{ role: 'user', content: [{ type: 'tool_result', content: [{ type: 'text', text: 'b' }] }] }],
      max_tokens: 3,
    },
    ['a', 'b'],
    3,
  ],
  [
    { system: [{ text: 'a' }], messages: [{ content: [{ toolResult: { content: [{ text: 'b' }] } }] }], inferenceConfig: { maxTokens: 3 } },
    ['a', 'b'],
    3,
  ],
  [{ inputText: 'a', textGenerationConfig: { maxTokenCount: 3 } }, ['a'], 3],
  [{ prompt: 'a', max_gen_len: 3 }, ['a'], 3],
  [{ preamble: 'a', chat_history: [{ message: 'b' }], message: 'c', documents: [{ snippet: 'd' }] }, ['b', 'd', 'a', 'c'], undefined],
])('the lens reads all texts and the limit of %j', (body, texts, limit) => {
  const read = scan(Buffer.from(JSON.stringify(body)))
  expect(format.lens.texts(read)).toEqual(texts)
  expect(format.lens.maxOutputTokens(read)).toBe(limit)
})

test('counts that are texts, and chunks that hold nothing', () => {
  const chunk = (value: JsonObject): Frame => wrap({ data: JSON.stringify(value) })
  const metrics = { inputTokenCount: '14', outputTokenCount: '9' }
  expect(format.lens.usage(chunk({ 'amazon-bedrock-invocationMetrics': metrics }).data)).toEqual({ inputTokens: 14, outputTokens: 9 })
  expect(format.lens.usage(chunk({ generation: 'x' }).data)).toBeUndefined()
  expect(format.lens.mark({ event: 'chunk', data: '{}' })).toBe('other')
})

test('what Nova says of its own goes where Converse takes it', () => {
  const body = {
    messages: [{ role: 'user', content: [{ text: 'hi' }] }],
    inferenceConfig: { max_new_tokens: 5, top_p: 0.5, topK: 7 },
    reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' },
  }
  const { request } = inbound.decodeRequest(body, { model: 'amazon.nova-2-lite-v1:0', stream: false })
  expect(request).toMatchObject({ maxOutputTokens: 5, topP: 0.5, topK: 7, reasoning: { effort: 'low' } })
})
