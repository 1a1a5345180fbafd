import { describe, expect, test } from 'vitest'
import type { ChatRequest, Part } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { inbound, outbound, plain, read } from './helpers.ts'

const hi: JsonObject = { role: 'user', content: 'hi' }
const messages = [hi]
const saying = (content: JsonObject[string], role = 'user'): JsonObject => ({ messages: [hi, { role, content }] })
const toolCall = (more: JsonObject = {}, called: JsonObject = {}): JsonObject => ({
  id: 'c',
  type: 'function',
  function: { name: 'f', arguments: '{"x":1}', ...called },
  ...more,
})
const calling = (...tool_calls: JsonObject[]): JsonObject => ({ role: 'assistant', tool_calls })
const resulting = (result: JsonObject): JsonObject => ({
  messages: [hi, calling(toolCall()), { role: 'tool', tool_call_id: 'c', content: 'r', ...result }],
})
const tool = { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object', properties: {} } } }
const partsOf = (body: JsonObject): readonly Part[] | undefined => read(body).messages.at(-1)?.parts

describe('what a client of this API says goes back as it came', () => {
  test.each<[string, JsonObject]>([
    ['texts', { messages: [{ role: 'system', content: 's' }, hi, { role: 'assistant', content: 'a' }, hi] }],
    [
      'sampling',
      {
        messages,
        max_tokens: 9,
        temperature: 0.3,
        p: 0.5,
        k: 7,
        seed: 1,
        stop_sequences: ['END'],
        frequency_penalty: 0.1,
        presence_penalty: 0.2,
        logprobs: true,
        stream: true,
      },
    ],
    ['settings of its own', { messages, safety_mode: 'STRICT', priority: 3, citation_options: { mode: 'FAST' }, of_next_year: { a: 1 } }],
    ['tools', { messages, tools: [tool], tool_choice: 'REQUIRED', strict_tools: true }],
    ['tools that need not be strict', { messages, tools: [tool], strict_tools: false }],
    [
      'a picture',
      saying([
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
      ]),
    ],
    ['documents', { messages, documents: [{ id: 'd', data: { title: 't', text: 'a', url: 'u', n: 1 } }, { data: { snippet: 'b' } }] }],
    [
      'thoughts',
      saying(
        [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'so' },
        ],
        'assistant',
      ),
    ],
    [
      'calls and their results',
      {
        messages: [
          hi,
          { ...calling(toolCall(), toolCall({ id: 'd' })), tool_plan: 'p' },
          { role: 'tool', tool_call_id: 'c', content: 'r' },
          { role: 'tool', tool_call_id: 'd', content: [{ type: 'document', document: { id: '1', data: { text: 'a', n: 1 } } }] },
        ],
      },
    ],
    [
      'citations',
      {
        messages: [
          hi,
          {
            role: 'assistant',
            content: 'Paris',
            citations: [
              {
                start: 0,
                end: 5,
                text: 'Paris',
                sources: [
                  { type: 'document', id: 'a' },
                  { type: 'tool', id: 'b' },
                ],
                type: 'TEXT_CONTENT',
              },
            ],
          },
          hi,
        ],
      },
    ],
    ['any JSON', { messages, response_format: { type: 'json_object' } }],
    ['a schema', { messages, response_format: { type: 'json_object', json_schema: { type: 'object' } } }],
    ['thinking', { messages, thinking: { type: 'enabled', token_budget: 500 } }],
    ['no thinking', { messages, thinking: { type: 'disabled' } }],
  ])('%s', (_, fields) => {
    const body = { model: 'command-a-03-2025', ...fields }
    expect(plain(outbound.encodeRequest(inbound.decodeRequest(body).request, {}).body)).toEqual(body)
  })
})

describe('in the words of canonical form', () => {
  test.each<[JsonObject, Partial<ChatRequest>]>([
    [{ tool_choice: 'NONE', tools: [tool] }, { toolChoice: { mode: 'none' } }],
    [{ thinking: { type: 'enabled' } }, { reasoning: { adaptive: true } }],
    [{ thinking: { type: 'disabled' } }, { reasoning: { effort: 'none' } }],
    [{ response_format: { type: 'text' } }, { responseFormat: { type: 'text' } }],
    [
      { response_format: { type: 'json_object', json_schema: { type: 'object' } } },
      { responseFormat: { type: 'json-schema', name: 'response', schema: { type: 'object' } } },
    ],
  ])('%j', (fields, said) => {
    expect(read({ messages, ...fields })).toMatchObject(said)
  })

  test('documents stand in what the user said last, cited unless the client wants none', () => {
    const documents = ['plain', { id: 'd', data: 'of a text' }, { data: { text: 'a', title: 't' } }]
    const said = read({ messages: [hi, calling(toolCall()), { role: 'tool', tool_call_id: 'c', content: 'r' }], documents }).messages
    const source = (text: string) => ({ kind: 'text', text })
    expect(said[0]?.parts.slice(1)).toEqual([
      { type: 'document', source: source('plain'), cites: true },
      { type: 'document', source: source('of a text'), cites: true, extra: { 'cohere-chat': { id: 'd' } } },
      { type: 'document', source: source('a'), name: 't', cites: true },
    ])
    const off = read({ messages: [{ role: 'system', content: 's' }], documents, citation_options: { mode: 'OFF' } }).messages
    expect(off[1]).toMatchObject({ role: 'user', parts: [{ cites: false }, {}, {}] })
  })

  test.each(['', 'null', undefined])('a call with the arguments %j has an empty object', (written) => {
    const body = { messages: [hi, calling(toolCall({}, { arguments: written }))] }
    expect(partsOf(body)).toEqual([{ type: 'tool-call', id: 'c', name: 'f', arguments: '{}' }])
  })

  test('a proof comes back out of the id that carried it', () => {
    const called = { messages: [hi, calling(toolCall({ id: 'c_ts_AA-_' })), { role: 'tool', tool_call_id: 'c_ts_AA-_', content: 'r' }] }
    expect(
      read(called)
        .messages.flatMap(({ parts }) => parts)
        .slice(1),
    ).toMatchObject([{ id: 'c', signature: 'AA+/' }, { id: 'c' }])
  })

  test('an empty text beside calls is nothing', () => {
    expect(partsOf({ messages: [hi, { ...calling(toolCall()), content: '' }] })).toHaveLength(1)
  })
})

describe('what cannot be right is refused by its path', () => {
  const at = 'messages[1].content'
  const called = 'messages[1].tool_calls[0]'
  test.each<[JsonObject, string]>([
    [{}, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: [7] }, 'messages[0]'],
    [{ messages: [{ content: 'a' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'chatbot', content: 'a' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [saying(''), at],
    [saying([]), at],
    [saying(7), at],
    [saying({}), at],
    [saying(['a']), `${at}[0]`],
    [saying([{ text: 'a' }]), `${at}[0].type`],
    [saying([{ type: 'thinking', thinking: 'a' }]), `${at}[0].type`],
    [saying([{ type: 'text' }]), `${at}[0].text`],
    [saying([{ type: 'image_url' }]), `${at}[0].image_url`],
    [saying([{ type: 'image_url', image_url: {} }]), `${at}[0].image_url.url`],
    [saying([{ type: 'image_url', image_url: { url: 'data:image/png;base64,no!' } }]), `${at}[0].image_url.url`],
    [saying([{ type: 'image_url', image_url: { url: 'data:nothing' } }]), `${at}[0].image_url.url`],
    [saying([{ type: 'document', document: {} }]), `${at}[0].document.data`],
    [saying([{ type: 'image_url', image_url: { url: 'https://e.com' } }], 'assistant'), `${at}[0].type`],
    [{ messages: [hi, { role: 'assistant' }] }, 'messages[1]'],
    [{ messages: [hi, { role: 'assistant', content: 'a', citations: 'b' }] }, 'messages[1].citations'],
    [{ messages: [hi, { role: 'assistant', tool_plan: 7 }] }, 'messages[1].tool_plan'],
    [{ messages: [hi, calling({ type: 'function' })] }, `${called}.id`],
    [{ messages: [hi, calling({ id: 'c' })] }, `${called}.function`],
    [{ messages: [hi, calling(toolCall({ type: 'custom' }))] }, `${called}.type`],
    [{ messages: [hi, calling(toolCall({}, { name: '' }))] }, `${called}.function.name`],
    [{ messages: [hi, calling(toolCall({}, { arguments: '{"x":' }))] }, `${called}.function.arguments`],
    [{ messages: [hi, calling(toolCall({}, { arguments: '[1]' }))] }, `${called}.function.arguments`],
    [{ messages: [hi, calling(toolCall({}, { arguments: { x: 1 } }))] }, `${called}.function.arguments`],
    [{ messages: [hi, { role: 'tool', tool_call_id: 'c', content: 'r' }] }, 'messages[1].tool_call_id'],
    [resulting({ tool_call_id: undefined }), 'messages[2].tool_call_id'],
    [resulting({ tool_call_id: 'another' }), 'messages[2].tool_call_id'],
    [resulting({ content: undefined }), 'messages[2].content'],
    [resulting({ content: [{ type: 'image_url' }] }), 'messages[2].content[0].type'],
    [{ messages, model: 7 }, 'model'],
    [{ messages, stream: 'yes' }, 'stream'],
    [{ messages, max_tokens: 0 }, 'max_tokens'],
    [{ messages, temperature: 'hot' }, 'temperature'],
    [{ messages, stop_sequences: 'END' }, 'stop_sequences'],
    [{ messages, logprobs: 1 }, 'logprobs'],
    [{ messages, documents: {} }, 'documents'],
    [{ messages, documents: [7] }, 'documents[0]'],
    [{ messages, tools: {} }, 'tools'],
    [{ messages, tools: [{ type: 'custom' }] }, 'tools[0].type'],
    [{ messages, tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ messages, tools: [{ function: {} }] }, 'tools[0].function.name'],
    [{ messages, tools: [{ function: { name: 'f', parameters: 'x' } }] }, 'tools[0].function.parameters'],
    [{ messages, strict_tools: 'yes' }, 'strict_tools'],
    [{ messages, tool_choice: 'auto' }, 'tool_choice'],
    [{ messages, response_format: { type: 'xml' } }, 'response_format.type'],
    [{ messages, response_format: { type: 'json_object', json_schema: 'x' } }, 'response_format.json_schema'],
    [{ messages, thinking: { type: 'maybe' } }, 'thinking.type'],
    [{ messages, thinking: { type: 'enabled', token_budget: 0 } }, 'thinking.token_budget'],
    [{ messages, citation_options: 'FAST' }, 'citation_options'],
    [{ messages, safety_mode: 7 }, 'safety_mode'],
  ])('%j: %s', (body, param) => {
    const detail: unknown = expect.objectContaining({ param })
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'GW_INVALID_REQUEST', detail }))
  })

  test('a model must be named', () => {
    expect(() => inbound.decodeRequest({ messages })).toThrow(expect.objectContaining({ code: 'GW_MODEL_REQUIRED' }))
  })
})
