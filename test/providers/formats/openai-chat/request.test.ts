import { describe, expect, it } from 'vitest'
import type { ChatRequest, Part } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { EncodeOptions } from '../../../../core/format.ts'
import { applyQuirks } from '../../../../providers/formats/openai-chat/quirks.ts'
import { encodeRequest } from '../../../../providers/formats/openai-chat/request.ts'

const hi: ChatRequest = { model: 'm', stream: false, messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] }
const encode = (fields: Partial<ChatRequest>, options: EncodeOptions = {}) => encodeRequest({ ...hi, ...fields }, options)
const messages = (...list: ChatRequest['messages']): JsonObject[] => encode({ messages: list }).body.messages as JsonObject[]
const text = (said: string): Part => ({ type: 'text', text: said })

describe('encodeRequest', () => {
  it('always asks a stream for usage', () => {
    expect(encode({ stream: true }).body).toMatchObject({ stream: true, stream_options: { include_usage: true } })
    expect(
      encode({ stream: true, extra: { 'openai-chat': { stream_options: { include_obfuscation: false } } } }).body.stream_options,
    ).toEqual({
      include_obfuscation: false,
      include_usage: true,
    })
    expect(encode({}).body).not.toHaveProperty('stream_options')
  })

  it('sends a search as web_search_options, and other tools that the provider runs as they came', () => {
    const search = { kind: 'server', name: 'web_search', format: 'openai-chat', value: { search_context_size: 'low' } } as const
    const { body } = encode({ tools: [search], toolChoice: { mode: 'auto' } })
    expect(body).toMatchObject({ web_search_options: { search_context_size: 'low' } })
    expect(body).not.toHaveProperty('tools')
    expect(body).not.toHaveProperty('tool_choice')
    const both = encode({ tools: [search, { ...search, value: { type: 'web_search' } }] }).body
    expect([both.tools, both.web_search_options]).toEqual([[{ type: 'web_search' }], { search_context_size: 'low' }])
    expect(encode({ tools: [search] }, { quirks: { drop: ['web_search_options'] } })).toMatchObject({ dropped: ['web_search_options'] })
  })

  it('leaves out of translated bodies what a provider refuses, and of no others', () => {
    const quirks = { dropTranslated: ['top_k'] }
    expect(encode({ topK: 5 }, { quirks })).toMatchObject({ body: { model: 'm' }, dropped: ['top_k'] })
    expect(encode({ topK: 5 }, { quirks }).body).not.toHaveProperty('top_k')
    expect(applyQuirks({ model: 'm', top_k: 5 }, quirks)).toEqual({ body: { model: 'm', top_k: 5 }, dropped: [] })
  })

  it('puts all tool messages behind the calls, and what they cannot hold behind the last', () => {
    const image: Part = { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } }
    const result = (id: string, ...parts: Part[]): Part => ({ type: 'tool-result', id, parts })
    const calls: Part[] = ['a', 'b'].map((id) => ({ type: 'tool-call', id, name: 'f', arguments: '' }))
    expect(
      messages(
        { role: 'assistant', parts: calls },
        { role: 'user', parts: [text('first'), result('a', text('x'), image)] },
        { role: 'user', parts: [result('b', image)] },
      ).map((wire) => [wire.role, wire.tool_call_id ?? wire.content]),
    ).toMatchObject([
      ['assistant', null],
      ['tool', 'a'],
      ['tool', 'b'],
      ['user', [{ type: 'text' }, { type: 'image_url' }, { type: 'text' }, { type: 'image_url' }]],
      ['user', 'first'],
    ])
  })

  it('sends `{}` for a call without arguments', () => {
    const [wire] = messages({ role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '' }] })
    expect(wire?.tool_calls).toEqual([{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }])
  })

  it('sends earlier thoughts only to providers that read them, proofs only where there are any', () => {
    const request: Partial<ChatRequest> = { messages: [{ role: 'assistant', parts: [{ type: 'reasoning', text: 'Hm' }, text('A')] }] }
    const sent = (quirks: EncodeOptions['quirks']) => (encode(request, { quirks }).body.messages as JsonObject[])[0]
    expect(sent(undefined)).toEqual({ role: 'assistant', content: 'A' })
    expect(sent({ reasoningField: 'reasoning_content' })).toEqual({ role: 'assistant', content: 'A', reasoning_content: 'Hm' })
    expect(sent({ reasoningField: 'reasoning' })).toEqual({ role: 'assistant', content: 'A', reasoning: 'Hm' })
  })

  it.each<[ChatRequest['reasoning'], number | undefined, string | undefined]>([
    [{ effort: 'xhigh' }, undefined, 'xhigh'],
    [{ budgetTokens: 0 }, undefined, 'none'],
    [{ budgetTokens: 1024 }, undefined, 'low'],
    [{ budgetTokens: 4000 }, 8000, 'medium'],
    [{ budgetTokens: 8000 }, 8000, 'high'],
    [{ budgetTokens: -1 }, undefined, undefined],
    [{ adaptive: true }, undefined, undefined],
  ])('reasoning %j of %s tokens is effort %s', (reasoning, maxOutputTokens, effort) => {
    expect(encode({ reasoning, maxOutputTokens }).body.reasoning_effort).toBe(effort)
  })

  it('D13: refuses what changes the meaning, unless it may be dropped', () => {
    const tools: ChatRequest['tools'] = [{ kind: 'server', name: 'web_search', format: 'anthropic-messages', value: {} }]
    expect(() => encode({ tools }, { provider: 'groq' })).toThrow(/tools cannot be sent to provider groq/)
    const { body, dropped } = encode({ tools }, { dropUnsupported: true })
    expect(body).not.toHaveProperty('tools')
    expect(dropped).toEqual(['tools'])
    const foreign: Part = { type: 'opaque', format: 'gemini', value: {} }
    expect(() => encode({ messages: [{ role: 'user', parts: [foreign] }] })).toThrow(/cannot be sent/)
  })

  it('D13: lists hints that are left out', () => {
    expect(encode({ reasoning: { effort: 'low', display: 'omitted' } }).dropped).toEqual(['reasoning.display'])
  })
})

describe('applyQuirks', () => {
  it('drops by the name of the client before renaming, and says what was heard', () => {
    const body = { max_completion_tokens: 5, logprobs: true, store: null }
    expect(applyQuirks(body, { drop: ['logprobs', 'store', 'seed'], rename: { max_completion_tokens: 'max_tokens' } })).toEqual({
      body: { max_tokens: 5 },
      dropped: ['logprobs'],
    })
    expect(body).toEqual({ max_completion_tokens: 5, logprobs: true, store: null })
  })

  it('clamps, defaults, changes roles and efforts, and patches last', () => {
    const body: JsonObject = {
      temperature: 3,
      messages: [{ role: 'developer', content: 'x' }],
      reasoning_effort: 'minimal',
      reasoning: { effort: 'max' },
    }
    const { body: fitted, dropped } = applyQuirks(body, {
      clamp: { temperature: [0, 1], top_p: [0, 1] },
      defaults: { safe_prompt: false, temperature: 0 },
      systemRole: 'system',
      effort: { minimal: 'low', max: 'high' },
      patch: (wire) => {
        delete wire.safe_prompt
        return ['safe_prompt']
      },
    })
    expect(fitted).toEqual({
      temperature: 1,
      messages: [{ role: 'system', content: 'x' }],
      reasoning_effort: 'low',
      reasoning: { effort: 'high' },
    })
    expect(dropped).toEqual(['safe_prompt'])
  })
})
