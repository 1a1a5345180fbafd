import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { decodeRequest } from '../../../../providers/formats/openai-chat/decode-request.ts'
import { encodeRequest } from '../../../../providers/formats/openai-chat/request.ts'

const user = { role: 'user', content: 'Hi' }
const decode = (fields: JsonObject) => decodeRequest({ model: 'm', messages: [user], ...fields }).request
const message = (wire: JsonObject) => decode({ messages: [wire] }).messages[0]
const calling = { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: {} } }] }

describe('what cannot be right is refused with its path', () => {
  it.each<[string, JsonObject]>([
    ['messages', { messages: undefined }],
    ['messages', { messages: 'Hi' }],
    ['messages', { messages: [] }],
    ['messages[0]', { messages: ['Hi'] }],
    ['messages[0].role', { messages: [{ content: 'Hi' }] }],
    ['messages[1].role', { messages: [user, { role: 'robot', content: 'Hi' }] }],
    ['messages[0].role', { messages: [{ role: '__proto__', content: 'Hi' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 7 }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: [] }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: ['Hi'] }] }],
    ['messages[0].content[0].type', { messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }],
    ['messages[0].content[0].type', { messages: [{ role: 'user', content: [{ type: 'constructor' }] }] }],
    ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['messages[0].content[0].image_url', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }],
    [
      'messages[0].content[0].image_url.url',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:nonsense' } }] }] },
    ],
    [
      'messages[0].content[0].input_audio.format',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AA==' } }] }] },
    ],
    ['messages[0].content[0].file', { messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }],
    ['messages[0].tool_call_id', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages[0].tool_calls[0].function.arguments', { messages: [calling] }],
    ['messages[0].tool_calls', { messages: [{ role: 'assistant', tool_calls: {} }] }],
    ['stream', { stream: 'true' }],
    ['temperature', { temperature: '1' }],
    ['top_p', { top_p: Number.NaN }],
    ['n', { n: 0 }],
    ['n', { n: 1e9 }],
    ['max_tokens', { max_tokens: -1 }],
    ['max_completion_tokens', { max_completion_tokens: 1.5 }],
    ['stop[1]', { stop: ['a', 1] }],
    ['tools[0].function', { tools: [{ type: 'function' }] }],
    ['tools[0].function.parameters', { tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] }],
    ['tool_choice', { tool_choice: 'maybe' }],
    ['tool_choice.function.name', { tool_choice: { type: 'function', function: {} } }],
    ['response_format.json_schema', { response_format: { type: 'json_schema' } }],
    ['reasoning_effort', { reasoning_effort: 'low', reasoning: { effort: 'high' } }],
    ['reasoning_max_tokens', { reasoning_max_tokens: 10, reasoning: { max_tokens: 11 } }],
    ['stream_options.include_usage', { stream_options: { include_usage: 1 } }],
  ])('%s', (param, fields) => {
    const failure = thrown(() => decode(fields))
    expect(failure.code).toBe('GW_INVALID_REQUEST')
    expect(failure.detail.param).toBe(param)
    expect(failure.status).toBe(400)
  })

  it('a request without a model', () => {
    expect(thrown(() => decodeRequest({ messages: [user] })).code).toBe('GW_MODEL_REQUIRED')
  })
})

describe('every input form', () => {
  it('takes null for "not said"', () => {
    expect(decode({ temperature: null, tools: null, stop: null, stream: null, reasoning: null })).toEqual(decode({}))
  })

  it('prefers max_completion_tokens over its alias', () => {
    expect(decode({ max_tokens: 10 }).maxOutputTokens).toBe(10)
    expect(decode({ max_tokens: 10, max_completion_tokens: 20 }).maxOutputTokens).toBe(20)
  })

  it.each<[JsonObject, unknown]>([
    [{ reasoning_effort: 'low' }, { effort: 'low' }],
    [{ reasoning: { effort: 'high', max_tokens: 5 } }, { effort: 'high', budgetTokens: 5 }],
    [{ reasoning_max_tokens: 1024, reasoning: { max_tokens: 1024 } }, { budgetTokens: 1024 }],
    [{ reasoning: { enabled: false } }, { effort: 'none' }],
    [{ reasoning: { enabled: true } }, { adaptive: true }],
    [{ reasoning_effort: 'default' }, undefined],
  ])('reasoning %j', (fields, wanted) => {
    expect(decode(fields).reasoning).toEqual(wanted)
  })

  it('keeps what it does not know, for the same format', () => {
    const fields = {
      search_parameters: { a: 1 },
      reasoning_effort: 'default',
      stream_options: { include_obfuscation: false },
      response_format: { type: 'regex', regex: 'a' },
    }
    const request = decode(fields)
    expect(request.extra).toEqual({ 'openai-chat': fields })
    expect(encodeRequest(request, {}).body).toMatchObject({
      search_parameters: { a: 1 },
      reasoning_effort: 'default',
      response_format: { type: 'regex' },
    })
  })

  it('never sends the gateway its own fallbacks', () => {
    expect(encodeRequest(decode({ fallbacks: ['a/b'] }), {}).body).not.toHaveProperty('fallbacks')
  })

  it('reads thoughts of earlier answers under each of their names, once', () => {
    const thought = { type: 'reasoning', text: 'Hm' }
    expect(message({ role: 'assistant', content: 'A', reasoning: 'Hm' })?.parts[0]).toEqual(thought)
    expect(message({ role: 'assistant', content: 'A', reasoning_content: 'Hm' })?.parts[0]).toEqual(thought)
    const details = [
      { type: 'reasoning.text', text: 'Hm', signature: 's', index: 0 },
      { type: 'reasoning.encrypted', data: 'x', index: 1 },
    ]
    expect(message({ role: 'assistant', content: 'A', reasoning: 'Hm', reasoning_details: details })?.parts).toEqual([
      { ...thought, signature: 's' },
      { type: 'reasoning', text: '', redacted: 'x' },
      { type: 'text', text: 'A' },
    ])
  })

  it('keeps cache marks, names and unknown fields of parts', () => {
    const part = {
      type: 'image_url',
      image_url: { url: 'https://e.com/a.png', detail: 'low', fps: 2 },
      cache_control: { type: 'ephemeral', ttl: '1h' },
      x: 1,
    }
    expect(message({ role: 'user', name: 'ada', content: [part] })).toEqual({
      role: 'user',
      name: 'ada',
      parts: [
        {
          type: 'image',
          source: { kind: 'url', url: 'https://e.com/a.png' },
          detail: 'low',
          cache: { ttl: '1h' },
          extra: { 'openai-chat': { image_url: { fps: 2 }, x: 1 } },
        },
      ],
    })
  })

  it.each<[JsonObject, unknown]>([
    [
      { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' },
      { kind: 'data', mediaType: 'application/pdf', data: 'AAAA' },
    ],
    [{ file_id: 'file-1' }, { kind: 'file', id: 'file-1' }],
    [
      { file_url: 'https://e.com/a.pdf', file_type: 'application/pdf' },
      { kind: 'url', url: 'https://e.com/a.pdf', mediaType: 'application/pdf' },
    ],
  ])('file %j', (file, source) => {
    expect(message({ role: 'user', content: [{ type: 'file', file }] })?.parts[0]).toMatchObject({ type: 'document', source })
  })

  it('turns tool messages into results, images kept', () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
    expect(message({ role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'see' }, image] })).toEqual({
      role: 'user',
      parts: [
        {
          type: 'tool-result',
          id: 'c',
          parts: [
            { type: 'text', text: 'see' },
            { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } },
          ],
        },
      ],
    })
  })

  it('pairs the old function calls with their results', () => {
    const request = decode({
      messages: [
        user,
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: '1' },
      ],
      functions: [{ name: 'f', parameters: {} }],
      function_call: { name: 'f' },
    })
    const call = request.messages[1]?.parts[0]
    const result = request.messages[2]?.parts[0]
    expect(call).toMatchObject({ type: 'tool-call', name: 'f' })
    expect(result).toMatchObject({ type: 'tool-result', id: (call as { id: string }).id })
    expect(request.tools).toEqual([{ kind: 'function', name: 'f', parameters: {} }])
    expect(request.toolChoice).toEqual({ mode: 'tool', name: 'f' })
  })

  it.each<[unknown, unknown]>([
    ['any', { mode: 'required' }],
    [
      { type: 'custom', custom: { name: 'g' } },
      { mode: 'tool', kind: 'custom', name: 'g' },
    ],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] } },
      { mode: 'allowed', names: ['f'], required: true },
    ],
  ])('tool_choice %j', (choice, wanted) => {
    expect(decode({ tool_choice: choice as JsonObject }).toolChoice).toEqual(wanted)
  })

  it('reads custom tools and tools that a provider runs', () => {
    const dated = { type: 'web_search_20250305', name: 'web_search', max_uses: 2 }
    expect(
      decode({ tools: [{ type: 'custom', custom: { name: 'g', format: { type: 'text' } } }, dated, { type: 'web_search' }] }).tools,
    ).toEqual([
      { kind: 'custom', name: 'g', grammar: { type: 'text' } },
      { kind: 'server', name: 'web_search', format: 'anthropic-messages', value: dated },
      { kind: 'server', name: 'web_search', format: 'openai-chat', value: { type: 'web_search' } },
    ])
  })

  it('reads web_search_options as a tool that the provider runs', () => {
    const options = { search_context_size: 'low', user_location: { type: 'approximate', approximate: { city: 'Rome' } } }
    const request = decode({ web_search_options: options })
    expect(request.tools).toEqual([{ kind: 'server', name: 'web_search', format: 'openai-chat', value: options }])
    expect(request.extra).toBeUndefined()
    expect(decode({ web_search_options: null }).tools).toBeUndefined()
  })

  it('keeps a key named __proto__ a plain key', () => {
    const body = JSON.parse(
      '{"model":"m","messages":[{"role":"user","content":"Hi","__proto__":{"x":1}}],"__proto__":{"x":1}}',
    ) as JsonObject
    const request = decodeRequest(body).request
    expect(({} as { x?: number }).x).toBeUndefined()
    expect((request as { x?: number }).x).toBeUndefined()
    expect((request.extra?.['openai-chat'] as { x?: number } | undefined)?.x).toBeUndefined()
  })
})

function thrown(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
