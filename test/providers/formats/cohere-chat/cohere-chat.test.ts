import { describe, expect, test } from 'vitest'
import type { ChatRequest, Message, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { EncodeOptions, Outbound } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { format } from '../../../../providers/formats/cohere-chat/index.ts'
import { formatConformance, runFold } from '../../../conformance/format.ts'

const outbound = format.outbound as Outbound
const user: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }
const encode = (request: Partial<ChatRequest>, options: EncodeOptions = {}) =>
  outbound.encodeRequest({ model: 'command-a-03-2025', stream: false, messages: [user], ...request }, { provider: 'cohere', ...options })

formatConformance(format)

describe('a request', () => {
  test('names its fields as the API does, and brings ranges to what it takes', () => {
    const sampling = { topP: 1, topK: 5, frequencyPenalty: 2, presencePenalty: -1, seed: 7, stop: ['END'], logprobs: true }
    expect(encode({ ...sampling, maxOutputTokens: 10, temperature: 0.3 }).body).toMatchObject({
      p: 0.99,
      k: 5,
      frequency_penalty: 1,
      presence_penalty: 0,
      seed: 7,
      stop_sequences: ['END'],
      logprobs: true,
      max_tokens: 10,
      temperature: 0.3,
    })
  })

  test.each<[ChatRequest['reasoning'], JsonObject | undefined]>([
    [{ effort: 'none' }, { type: 'disabled' }],
    [{ effort: 'high' }, { type: 'enabled' }],
    [{ budgetTokens: 500 }, { type: 'enabled', token_budget: 500 }],
    [{ budgetTokens: 0 }, { type: 'disabled' }],
    [{ budgetTokens: -1 }, { type: 'enabled' }],
    [undefined, undefined],
  ])('that reasons by %j says %j', (reasoning, thinking) => {
    expect(encode({ reasoning }).body.thinking).toEqual(thinking)
  })

  const tools: ChatRequest['tools'] = ['a', 'b'].map((name) => ({ kind: 'function', name, strict: true }))
  test.each<[ChatRequest['toolChoice'], string | undefined, string[]]>([
    [undefined, undefined, ['a', 'b']],
    [{ mode: 'auto' }, undefined, ['a', 'b']],
    [{ mode: 'none' }, 'NONE', ['a', 'b']],
    [{ mode: 'required' }, 'REQUIRED', ['a', 'b']],
    [{ mode: 'tool', name: 'b' }, 'REQUIRED', ['b']],
    [{ mode: 'allowed', names: ['a'], required: false }, undefined, ['a']],
  ])('with the choice %j says %s and sends %j', (toolChoice, said, names) => {
    const { body } = encode({ tools, toolChoice })
    expect(body.tool_choice).toBe(said)
    expect((body.tools as { function: { name: string } }[]).map((tool) => tool.function.name)).toEqual(names)
    expect(body.strict_tools).toBe(true)
  })

  test('sends text files as documents, for the answer to cite', () => {
    const source = { kind: 'data' as const, mediaType: 'text/plain', data: Buffer.from('Paris is in France.').toString('base64') }
    const { body } = encode({
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'text', text: 'where?' },
            { type: 'document', name: 'a.txt', source },
          ],
        },
      ],
    })
    expect(body.documents).toEqual([{ data: { title: 'a.txt', text: 'Paris is in France.' } }])
    expect(body.messages).toEqual([{ role: 'user', content: 'where?' }])
  })

  test.each<[string, Partial<ChatRequest>, string]>([
    ['several answers', { choices: 2 }, 'n'],
    ['a sound', { modalities: ['audio'] }, 'modalities'],
    ['a tool of free text', { tools: [{ kind: 'custom', name: 'x' }] }, 'tools[0]'],
    [
      'a PDF',
      { messages: [{ role: 'user', parts: [{ type: 'document', source: { kind: 'data', mediaType: 'application/pdf', data: '' } }] }] },
      'messages[0].content[0]',
    ],
    [
      'a picture as a result',
      {
        messages: [
          {
            role: 'user',
            parts: [{ type: 'tool-result', id: 'c', parts: [{ type: 'image', source: { kind: 'url', url: 'https://e.com/a.png' } }] }],
          },
        ],
      },
      'messages[0].content[0]',
    ],
  ])('with %s is refused by name, or loses it where that is allowed', (_, request, param) => {
    expect(() => encode(request)).toThrow(
      expect.objectContaining({ code: 'GW_UNSUPPORTED_PARAMETER', detail: expect.objectContaining({ param }) }),
    )
    expect(encode(request, { dropUnsupported: true }).dropped).toContain(param)
  })

  test('brings a plan and thoughts back to their places, and leaves out those of other models', () => {
    const plan = { type: 'reasoning' as const, text: 'I look it up.', extra: { 'cohere-chat': { tool_plan: true } } }
    const call = { type: 'tool-call' as const, id: 'c', name: 'look', arguments: '' }
    const foreign = { type: 'reasoning' as const, text: 'sealed', signature: 's', signedBy: 'anthropic' }
    const { body } = encode({ messages: [user, { role: 'assistant', parts: [plan, foreign, { type: 'reasoning', text: 'hm' }, call] }] })
    expect((body.messages as unknown[])[1]).toEqual({
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 'hm' }],
      tool_plan: 'I look it up.',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }],
    })
  })
})

const frame = (type: string, more: JsonObject = {}) => ({ event: type, data: JSON.stringify({ type, ...more }) })
const delta = (type: string, message: JsonObject, index = 0) => frame(type, { index, delta: { message } })
const END = frame('message-end', { delta: { finish_reason: 'COMPLETE' } })
const run = (...frames: { event: string; data: string }[]) => runFold(outbound.decodeStream, frames)
const partsOf = (...frames: { event: string; data: string }[]) => foldParts(run(...frames).out as StreamPart[]).choices[0]?.parts

describe('a stream', () => {
  test.each([[[]], [['null']], [['nu', 'll']], [['n', 'u', 'l', 'l']], [['{', '}']]])(
    'has an object as the arguments of a call, from %j',
    (pieces) => {
      const deltas = pieces.map((text) => delta('tool-call-delta', { tool_calls: { function: { arguments: text } } }))
      const start = delta('tool-call-start', { tool_calls: { id: 'c', type: 'function', function: { name: 'now', arguments: '' } } })
      expect(partsOf(start, ...deltas, frame('tool-call-end', { index: 0 }), END)).toEqual([
        { type: 'tool-call', id: 'c', name: 'now', arguments: '{}' },
      ])
    },
  )

  test('tells citations after their text, one a source', () => {
    const text = [delta('content-start', { content: { type: 'text', text: '' } }), delta('content-delta', { content: { text: 'Paris' } })]
    const source = (url: string) => ({ type: 'document', document: { url, title: url } })
    const entry = { start: 0, end: 5, text: 'Paris', sources: [source('https://a'), source('https://b')] }
    const parts = partsOf(...text, frame('content-end', { index: 0 }), delta('citation-start', { citations: entry }), END)
    expect(parts).toMatchObject([{ text: 'Paris', citations: [{ url: 'https://a', start: 0, end: 5 }, { url: 'https://b' }] }])
  })

  test.each([
    ['ERROR', 500],
    ['TIMEOUT', 504],
  ])('that ends by %s has failed with %d', (reason, status) => {
    const { error } = run(delta('content-delta', { content: { text: 'a' } }), frame('message-end', { delta: { finish_reason: reason } }))
    expect(error).toMatchObject({ code: 'GW_UPSTREAM_ERROR', detail: { status } })
  })

  test('without its end, or with an event that is no JSON, is no answer', () => {
    expect(run(delta('content-delta', { content: { text: 'a' } })).error).toMatchObject({ code: 'GW_UPSTREAM_TRUNCATED' })
    expect(run({ event: 'content-delta', data: '{"type":' }).error).toMatchObject({ code: 'GW_UPSTREAM_INVALID' })
    expect(run(delta('tool-call-delta', {})).error).toMatchObject({ code: 'GW_UPSTREAM_INVALID' })
  })
})

describe('the lens', () => {
  const body = Buffer.from(
    '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"tool","content":"b"}],"max_tokens":5,"stream":true}',
  )

  test('reads a request', () => {
    const found = scan(body)
    const { lens } = format
    expect([lens.model(found), lens.stream(found), lens.maxOutputTokens(found), lens.messageCount(found), lens.texts(found)]).toEqual([
      'm',
      true,
      5,
      2,
      ['a', 'b'],
    ])
  })

  test.each([
    [delta('content-delta', { content: { text: 'a' } }), 'content'],
    [delta('content-start', { content: { type: 'text', text: '' } }), 'other'],
    [END, 'terminal'],
    [frame('message-end', { delta: { finish_reason: 'ERROR' } }), 'error'],
    [{ event: undefined, data: '{"type":"tool-plan-delta"}' }, 'content'],
  ])('knows what %j is', (event, mark) => {
    expect(format.lens.mark(event)).toBe(mark)
  })

  test('reads the usage of a whole answer and of the last event', () => {
    const usage = { usage: { tokens: { input_tokens: 3, output_tokens: 4 }, cached_tokens: 1 } }
    const read = { inputTokens: 3, outputTokens: 4, cacheReadTokens: 1 }
    expect(format.lens.usage(JSON.stringify(usage))).toMatchObject(read)
    expect(format.lens.usage(JSON.stringify({ type: 'message-end', delta: usage }))).toMatchObject(read)
    expect(format.lens.usage('{}')).toBeUndefined()
  })
})
