import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Splice } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { lens } from '../../../../providers/formats/openai-chat/lens.ts'

const scanned = (body: JsonObject | string) => scan(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

function spliced(body: string, splices: readonly Splice[]): unknown {
  let bytes = Buffer.from(body)
  for (const { start, end, text } of [...splices].sort((left, right) => right.start - left.start)) {
    bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)])
  }
  return JSON.parse(bytes.toString())
}

describe('requests', () => {
  const request = scanned({
    model: 'a/b',
    stream: true,
    max_tokens: 5,
    n: 2,
    messages: [
      { role: 'system', content: 'S' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'T' },
          { type: 'image_url', image_url: { url: 'u' } },
        ],
      },
      { role: 'assistant', content: null },
    ],
  })

  it('are read through their spans', () => {
    expect(lens.model(request)).toBe('a/b')
    expect(lens.stream(request)).toBe(true)
    expect(lens.maxOutputTokens(request)).toBe(5)
    expect(lens.choices(request)).toBe(2)
    expect(lens.messageCount(request)).toBe(3)
    expect(lens.texts(request)).toEqual(['S', 'T'])
  })

  it('without the fields answer undefined', () => {
    const empty = scanned('{"model":7,"messages":7}')
    expect([lens.model(empty), lens.stream(empty), lens.maxOutputTokens(empty), lens.messageCount(empty), lens.texts(empty)]).toEqual([
      undefined,
      false,
      undefined,
      0,
      [],
    ])
  })

  it.each(['{"model":"a/b","n":1}', '{ "n" : 1 , "\\u006dodel" : "\\u00e9" }'])('take another model: %s', (body) => {
    expect(spliced(body, [lens.withModel(scanned(body), 'b"c')])).toMatchObject({ n: 1, model: 'b"c' })
  })

  it.each<[string, string[], object]>([
    ['{"a":1,"b":2,"c":3}', ['a'], { b: 2, c: 3 }],
    ['{"a":1,"b":2,"c":3}', ['b'], { a: 1, c: 3 }],
    ['{ "a": 1, "b": [2], "c": "3" }', ['b', 'c'], { a: 1 }],
    ['{"a":1,"b":2,"c":3}', ['a', 'c', 'x'], { b: 2 }],
    ['{"a":1,"b":2}', ['a', 'b'], {}],
    ['{"a":1}', ['x'], { a: 1 }],
  ])('%s without %j', (body, names, wanted) => {
    expect(spliced(body, lens.without(scanned(body), names))).toEqual(wanted)
  })

  it.each<[string, object | undefined]>([
    ['{"model":"m"}', { include_usage: true }],
    ['{"stream_options":null,"model":"m"}', { include_usage: true }],
    ['{"stream_options":{"include_obfuscation":false},"model":"m"}', { include_obfuscation: false, include_usage: true }],
    ['{"stream_options":{"include_usage":false},"model":"m"}', { include_usage: true }],
  ])('%s asks for usage', (body, wanted) => {
    expect(spliced(body, lens.withStreamUsage(scanned(body)))).toEqual({ model: 'm', stream_options: wanted })
  })

  it('that ask for usage already are left alone', () => {
    expect(lens.withStreamUsage(scanned('{"stream_options":{"include_usage":true}}'))).toEqual([])
  })
})

describe('events', () => {
  const chunk = (delta: string, finish = 'null', rest = ''): string =>
    `{"id":"c","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]${rest}}`

  it.each<[string, string]>([
    ['terminal', '[DONE]'],
    ['content', chunk('{"content":"A"}')],
    ['content', chunk('{ "role": "assistant", "content": "A" }')],
    ['content', chunk('{"role":"assistant","content":null,"reasoning_content":"A"}')],
    ['content', chunk('{"content":"","reasoning":"A"}')],
    ['content', chunk('{"tool_calls":[{"index":0}]}')],
    ['content', chunk('{"refusal":"A"}')],
    ['content', chunk('{"content":"A"}', 'null', ',"usage":{"prompt_tokens":1}')],
    ['content', chunk('{"content":"say \\"finish_reason\\":\\"stop\\" and \\"usage\\":{} and \\"error\\":{}"}')],
    ['other', chunk('{"role":"assistant","content":"","refusal":null}')],
    ['other', chunk('{"role":"assistant"}', 'null', ',"usage":{"prompt_tokens":1}')],
    ['other', chunk('{"index":0,"content":""}')],
    ['other', chunk('{}', 'null', ',"usage":null')],
    ['finish', chunk('{}', '"stop"')],
    ['finish', chunk('{"content":"A"}', ' "length"', ',"usage":{"prompt_tokens":1}')],
    ['finish', '{"choices":[{"index":0,"delta":{"content":"A"},"finish_reason":null},{"index":1,"delta":{},"finish_reason":"stop"}]}'],
    ['usage', '{"id":"c","choices":[],"usage":{"prompt_tokens":1}}'],
    ['usage', '{"id":"c","choices": [],"usage": {"prompt_tokens":1}}'],
    ['error', '{"error":{"message":"boom"}}'],
    ['error', '{"id":"c","error":{"message":"boom"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}'],
    ['error', '{"object":"x","error":"boom"}'],
    ['other', '{"id":"c","error":null,"choices":[]}'],
    ['finish', '{"choices":[{"content_filter_results":{"error":{"code":"x"}},"delta":{},"finish_reason":"stop"}]}'],
  ])('%s: %s', (mark, data) => {
    expect(lens.mark({ data })).toBe(mark)
  })

  it('named `error` are errors', () => {
    expect(lens.mark({ event: 'error', data: 'boom' })).toBe('error')
  })

  it('and whole answers tell their usage', () => {
    expect(lens.usage('{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}')).toMatchObject({
      inputTokens: 3,
      outputTokens: 2,
    })
    expect(lens.usage('{"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}}')).toMatchObject({ inputTokens: 3 })
    expect(lens.usage('{"usage":null}')).toBeUndefined()
    expect(lens.usage('[DONE]')).toBeUndefined()
  })
})

describe('pieces of text', () => {
  const event = (choice: string) => ({ data: `{"choices":[{"index":0,${choice},"finish_reason":null}]}` })

  it.each<[string, string, string]>([
    ['breaks', 'a list of pieces', '"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[]}]}'],
    ['fits', 'a list of log-probabilities', '"delta":{"content":"a [b"},"logprobs":{"content":[{"token":"a"}]}'],
    ['fits', 'a list in the text', '"delta":{"content":"\\"content\\":[1]"}'],
  ])('%s: %s', (fits, _, choice) => {
    const frame = event(choice)
    expect(lens.strictness?.(frame, lens.mark(frame), { isOpen: true })).toBe(fits)
  })

  it.each<[string, string]>([
    ['fits', '"delta":{"content":[{"type":"thinking","thinking":[]}]}'],
    ['fits', '"delta":{"content":"a","tool_calls":null}'],
    ['breaks', '"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}'],
  ])('for clients that take calls whole alone, %s: %s', (fits, choice) => {
    const frame = event(choice)
    expect(lens.strictness?.(frame, lens.mark(frame), { isOpen: false, wholeCalls: true })).toBe(fits)
  })
})

describe('whole answers', () => {
  const facts = '"id":"c","object":"chat.completion","created":1,"model":"m"'
  const said = '{"role":"assistant","content":"a [b] {c} \\"tool_calls\\":[{}]"}'
  const whole = (choice: string, head = facts) => `{${head},"choices":[${choice}]}`
  const choice = (message: string, finish = '"stop"') => `{"index":0,"message":${message},"finish_reason":${finish}}`
  const call = (fields: string) => choice(`{"role":"assistant","content":null,"tool_calls":[{${fields}}]}`, '"tool_calls"')

  it.each<[boolean, string, string]>([
    [true, 'as OpenAI writes them', whole(choice(said))],
    [true, 'laid out over lines', JSON.stringify(JSON.parse(whole(choice(said))), null, 2)],
    [true, 'of Mistral', `{"id":"c","created":1,"model":"m","usage":{"a":1},"object":"chat.completion","choices":[${choice(said)}]}`],
    [true, 'with the index last', whole(`{"finish_reason":"stop","message":${said},"index":0}`)],
    [true, 'without a text', whole(choice('{"role":"assistant","content":null}', '"content_filter"'))],
    [true, 'with empty calls', whole(choice('{"role":"assistant","content":"a","tool_calls":[]}'))],
    [true, 'with a call', whole(call('"id":"a","type":"function","function":{"name":"f","arguments":"{}"}'))],
    [true, 'with a custom call', whole(call('"id":"a","type":"custom","custom":{"name":"f","input":"x"}'))],
    [true, 'behind a nested list', whole(choice(said), `"x":[1],${facts}`)],
    [false, 'without an id', whole(choice(said), facts.replace('"id":"c",', ''))],
    [false, 'with an empty id', whole(choice(said), facts.replace('"c"', '""'))],
    [false, 'without an object', whole(choice(said), facts.replace('"object":"chat.completion",', ''))],
    [false, 'without a time', whole(choice(said), facts.replace('"created":1,', ''))],
    [false, 'without a model', whole(choice(said), facts.replace(',"model":"m"', ''))],
    [false, 'without an index', whole(`{"message":${said},"finish_reason":"stop"}`)],
    [false, 'without a role', whole(choice('{"content":"a"}'))],
    [false, 'without content', whole(choice('{"role":"assistant"}'))],
    [false, 'with a list of content', whole(choice('{"role":"assistant","content":[{"type":"text","text":"a"}]}'))],
    [false, 'without a finish', whole(`{"index":0,"message":${said}}`)],
    [false, 'with a finish of null', whole(choice(said, 'null'))],
    [false, 'without choices', `{${facts}}`],
    [false, 'with a call without id', whole(call('"type":"function","function":{"name":"f","arguments":"{}"}'))],
    [false, 'with a call without type', whole(call('"id":"a","function":{"name":"f","arguments":"{}"}'))],
    [false, 'with arguments that are no text', whole(call('"id":"a","type":"function","function":{"name":"f","arguments":{}}'))],
    [false, 'that are no JSON', whole(call('"id":'))],
  ])('fit (%s) strict clients: %s', (fits, _, answer) => {
    expect(lens.fitsWhole?.(answer)).toBe(fits)
  })
})
