import { describe, expect, it } from 'vitest'
import type { ChatRequest, Part } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { GatewayError } from '../../../../core/errors.ts'
import type { Frame, Outbound } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { format } from '../../../../providers/formats/replicate/index.ts'
import { framesOf, runFold } from '../../../conformance/format.ts'

const outbound = format.outbound as Outbound
const HEX = 'ac732df83cea7fff18b8472768c88ad041fa750ff7682a21affe81863cbe77e4'

function ask(model: string, changes: Partial<ChatRequest> = {}): ChatRequest {
  return { model, stream: false, messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }], ...changes }
}
function encode(request: ChatRequest, options = {}) {
  return outbound.encodeRequest(request, { provider: 'replicate', ...options })
}
function refusal(work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    return error as GatewayError
  }
  throw new Error('nothing was refused')
}
const withSystem: Partial<ChatRequest> = {
  messages: [
    { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
    { role: 'user', parts: [{ type: 'text', text: 'Hi' }] },
    { role: 'developer', parts: [{ type: 'text', text: 'Be kind.' }] },
  ],
}

describe('the request', () => {
  it.each([
    ['meta/meta-llama-3-70b-instruct', { system_prompt: 'Be brief.\nBe kind.', prompt: 'Hi', max_tokens: 9 }],
    ['openai/gpt-4o', { system_prompt: 'Be brief.\nBe kind.', prompt: 'Hi', max_completion_tokens: 9 }],
    ['google/gemini-2.5-flash', { system_instruction: 'Be brief.\nBe kind.', prompt: 'Hi', max_output_tokens: 9 }],
    ['anthropic/claude-4-sonnet', { system_prompt: 'Be brief.\nBe kind.', prompt: 'Hi', max_tokens: 9 }],
    ['openai/o1-mini', { prompt: 'Be brief.\nBe kind.\n\nHi', max_completion_tokens: 9 }],
    ['openai/gpt-oss-20b', { prompt: 'Be brief.\nBe kind.\n\nHi', max_tokens: 9 }],
    ['xai/grok-4', { prompt: 'Be brief.\nBe kind.\n\nHi', max_tokens: 9 }],
    ['deepseek-ai/deepseek-r1', { prompt: 'Be brief.\nBe kind.\n\nHi', max_tokens: 9 }],
    ['meta/meta-llama-3-8b', { prompt: 'Be brief.\nBe kind.\n\nHi', max_tokens: 9 }],
    ['meta/meta-llama-3-8b-instruct', { system_prompt: 'Be brief.\nBe kind.', prompt: 'Hi', max_tokens: 9 }],
  ])('%s calls its inputs so', (model, input) => {
    expect(encode(ask(model, { ...withSystem, maxOutputTokens: 9 })).body).toEqual({ input })
  })

  it('names a version in the body, and asks for a stream', () => {
    expect(encode(ask(HEX, { stream: true })).body).toEqual({ version: HEX, input: { prompt: 'Hi' }, stream: true })
    expect(encode(ask(`owner/name:${HEX}`)).body).toEqual({ version: `owner/name:${HEX}`, input: { prompt: 'Hi' } })
    expect(encode(ask('deployments/owner/name')).body).toEqual({ input: { prompt: 'Hi' } })
  })

  it('writes its own extra fields into the input', () => {
    const extra = { replicate: { length_penalty: 2, input: { min_tokens: 1 } }, 'openai-chat': { web_search_options: {} } }
    expect(encode(ask('meta/x', { extra })).body).toEqual({ input: { prompt: 'Hi', length_penalty: 2, min_tokens: 1 } })
  })

  it('gives a model that takes one image that one, and refuses more', () => {
    const image: Part = { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } }
    const messages = (parts: Part[]) => ({ messages: [{ role: 'user' as const, parts }] })
    const one = encode(ask('anthropic/claude-4-sonnet', messages([image])))
    expect(one.body).toEqual({ input: { prompt: '', image: 'https://example.com/a.png' } })
    expect(refusal(() => encode(ask('anthropic/claude-4-sonnet', messages([image, image])))).detail.param).toBe('messages')
  })

  it.each<[string, string, Partial<ChatRequest>]>([
    ['tools', 'meta/x', { tools: [{ kind: 'function', name: 'f' }] }],
    ['response_format', 'meta/x', { responseFormat: { type: 'json-object' } }],
    ['n', 'meta/x', { choices: 2 }],
    ['logprobs', 'meta/x', { logprobs: true }],
    ['stop', 'openai/gpt-4o', { stop: ['END'] }],
    ['stop', 'meta/x', { stop: ['a,b'] }],
    ['presence_penalty', 'anthropic/claude-4-sonnet', { presencePenalty: 1 }],
    [
      'messages[0].tool_calls',
      'meta/x',
      { messages: [{ role: 'assistant', parts: [{ type: 'tool-call', id: '1', name: 'f', arguments: '{}' }] }] },
    ],
    ['messages[0].content[0]', 'meta/x', { messages: [{ role: 'user', parts: [{ type: 'tool-result', id: '1', parts: [] }] }] }],
    ['messages[0].content[0]', 'meta/x', { messages: [{ role: 'user', parts: [{ type: 'image', source: { kind: 'file', id: 'f' } }] }] }],
  ])('refuses %s of %s, or drops it where that is wanted', (param, model, changes) => {
    const error = refusal(() => encode(ask(model, changes)))
    expect([error.code, error.detail.param, error.detail.provider]).toEqual(['GW_UNSUPPORTED_PARAMETER', param, 'replicate'])
    expect(encode(ask(model, changes), { dropUnsupported: true }).dropped).toContain(param)
  })

  it('drops hints and says so; those that a model knows go there', () => {
    const hints: Partial<ChatRequest> = {
      user: 'u',
      seed: 1,
      reasoning: { effort: 'low' },
      verbosity: 'low',
      presencePenalty: 0,
      choices: 1,
    }
    expect(encode(ask('anthropic/claude-4-sonnet', hints))).toEqual({
      body: { input: { prompt: 'Hi' } },
      dropped: ['user', 'verbosity', 'seed', 'reasoning_effort', 'presence_penalty', 'n'],
    })
    expect(encode(ask('openai/gpt-5', { reasoning: { effort: 'low' }, verbosity: 'low' }))).toEqual({
      body: { input: { prompt: 'Hi', reasoning_effort: 'low', verbosity: 'low' } },
    })
  })
})

describe('the whole answer', () => {
  const prediction = (changes: JsonObject) => outbound.decodeResponse({ id: 'p', status: 'succeeded', output: 'x', ...changes })
  const textOf = (output: JsonObject[string]) => prediction({ output }).choices[0]?.parts

  it('reads an output of any shape', () => {
    for (const output of ['a b', ['a', ' b'], { text: 'a b' }]) expect(textOf(output)).toEqual([{ type: 'text', text: 'a b' }])
    expect(textOf(null)).toEqual([])
    expect(refusal(() => prediction({ output: [{ url: 'x' }] })).code).toBe('GW_UPSTREAM_INVALID')
  })

  it('has the usage that the metrics count, and none where they count time alone', () => {
    expect(prediction({ metrics: { input_token_count: 3, output_token_count: 4 } }).usage).toMatchObject({
      inputTokens: 3,
      outputTokens: 4,
    })
    expect(prediction({ metrics: { predict_time: 1 } }).usage).toBeUndefined()
  })

  it.each([
    ['failed', { error: 'CUDA out of memory' }, 'GW_UPSTREAM_ERROR', 'CUDA out of memory'],
    ['failed', { error: null }, 'GW_UPSTREAM_ERROR', 'the prediction was failed'],
    ['canceled', { output: ['half'] }, 'GW_UPSTREAM_ERROR', 'the prediction was canceled'],
    ['processing', {}, 'GW_UPSTREAM_INVALID', undefined],
  ])('refuses one that is %s %j', (status, changes, code, message) => {
    const error = refusal(() => prediction({ status, ...changes }))
    expect([error.code, error.detail.upstream?.message]).toEqual([code, message])
  })

  it('reads errors of any shape', () => {
    expect(outbound.decodeError({ title: 'Invalid', invalid_fields: [{ field: 'input', description: 'is required' }] }).message).toBe(
      'Invalid',
    )
    expect(outbound.decodeError({ invalid_fields: [{ field: 'input', description: 'is required' }] }).message).toBe('input: is required')
    expect(outbound.decodeError({ other: 1 }).message).toBe('{"other":1}')
    expect(outbound.decodeError(undefined).message).toBe('empty response')
    expect(outbound.decodeError('').message).toBe('empty response')
  })
})

describe('the stream', () => {
  const read = (text: string) => runFold(outbound.decodeStream, framesOf(format, Buffer.from(text)), {})
  const done = 'event: done\ndata: {}\n\n'

  it('keeps line breaks and blanks of the text, and text that looks like JSON', () => {
    const { out } = read(`event: output\ndata:  a\ndata: \ndata: b\n\nevent: logs\ndata: x\n\nevent: output\ndata: {"k":1}\n\n${done}`)
    expect(foldParts(out).choices[0]?.parts).toEqual([{ type: 'text', text: ' a\n\nb{"k":1}' }])
  })

  it('may say nothing at all', () => {
    expect(foldParts(read(`event: output\ndata:\n\n${done}`).out).choices[0]?.parts).toEqual([])
    expect(foldParts(read(done).out).choices[0]?.stop.reason).toBe('stop')
  })

  it.each([
    ['event: done\ndata: {"reason":"canceled"}\n\n', 'the prediction was canceled'],
    ['event: done\ndata: {"reason":"error"}\n\n', 'the prediction failed'],
    ['event: error\ndata: {"detail":"no GPU"}\n\n', 'no GPU'],
    ['event: error\ndata: no GPU\n\n', 'no GPU'],
    ['event: error\ndata: {}\n\n', 'the prediction failed'],
  ])('%j is a failure', (end, message) => {
    const { error } = read(`event: output\ndata: a\n\n${end}`)
    expect((error as GatewayError).detail.upstream?.message).toBe(message)
  })
})

describe('the lens', () => {
  const lensOf = (body: JsonObject) => scan(Buffer.from(JSON.stringify(body)))

  it('reads a body', () => {
    const body = lensOf({ input: { prompt: 'Hi', system_prompt: 'Be brief.', max_tokens: 5 }, stream: true })
    const { lens } = format
    expect([lens.stream(body), lens.maxOutputTokens(body), lens.messageCount(body), lens.texts(body)]).toEqual([
      true,
      5,
      1,
      ['Be brief.', 'Hi'],
    ])
    expect([lens.model(body), lens.choices(body), lens.withStreamUsage(body)]).toEqual([undefined, undefined, []])
    expect(lens.texts(lensOf({ input: 3 }))).toEqual([])
  })

  it('tells events apart', () => {
    const marks = ['output', 'done', 'error', 'logs'].map((event) => format.lens.mark({ event, data: '' } as Frame))
    expect(marks).toEqual(['content', 'terminal', 'error', 'other'])
    expect(format.lens.usage('{"metrics":{"input_token_count":1,"output_token_count":2}}')).toMatchObject({
      inputTokens: 1,
      outputTokens: 2,
    })
    expect(format.lens.usage('{}')).toBeUndefined()
  })
})
