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
