import { describe, expect, test } from 'vitest'
import type { ChatRequest, FunctionTool, Message, Part } from '../../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../../core/canonical/json.ts'
import { CLAUDE, encode, LLAMA, modelField, NOVA, OLD_CLAUDE, turns, user } from './helpers.ts'

const assistant = (...parts: Part[]): Message => ({ role: 'assistant', parts })
const userParts = (...parts: Part[]): Message => ({ role: 'user', parts })
const tool = (name: string, more: Partial<FunctionTool> = {}): FunctionTool => ({ kind: 'function', name, ...more })
const callPart = (id: string, name: string, args = '{}'): Part => ({ type: 'tool-call', id, name, arguments: args })
const resultPart = (id: string, ...parts: Part[]): Part => ({ type: 'tool-result', id, parts })
const text = (said: string): Part => ({ type: 'text', text: said })
const unsupported = expect.objectContaining({ code: 'GW_UNSUPPORTED_PARAMETER' })
const toolConfig = (more: Partial<ChatRequest>) => encode(more).body.toolConfig as JsonObject | undefined
const names = (more: Partial<ChatRequest>) =>
  ((toolConfig(more) as JsonObject).tools as JsonObject[]).map((each) =>
    isObject(each.toolSpec) ? each.toolSpec.name : Object.keys(each)[0],
  )

describe('messages', () => {
  test('blank text is left out, turns of one role are joined, the user begins', () => {
    expect(turns([assistant(text('a')), assistant(text(' ')), user('b'), user(''), user('c')])).toEqual([
      { role: 'user', content: [{ text: 'Please continue.' }] },
      { role: 'assistant', content: [{ text: 'a' }] },
      { role: 'user', content: [{ text: 'b' }, { text: 'c' }] },
    ])
  })

  test('system texts stand apart, unless nothing else is said', () => {
    const system: Message = { role: 'system', parts: [text('s')] }
    expect(encode({ messages: [system, user('a'), { role: 'developer', parts: [text('d')] }] }).body).toMatchObject({
      system: [{ text: 's' }, { text: 'd' }],
      messages: [{ role: 'user', content: [{ text: 'a' }] }],
    })
    expect(encode({ messages: [system] }).body).toEqual({ messages: [{ role: 'user', content: [{ text: 's' }] }] })
  })

  test('an answer to be continued ends without white space', () => {
    expect(turns([user('a'), assistant(text('so \n'))])).toMatchObject([{}, { content: [{ text: 'so' }] }])
  })

  test('results come first in their turn, each with its breakpoint', () => {
    const cached: Part = { ...resultPart('t2', { ...text('x'), cache: { ttl: '1h' } }) }
    expect(
      turns([
        user('q'),
        assistant(callPart('t1', 'f'), callPart('t2', 'f')),
        userParts(text('and'), resultPart('t1', text('y'))),
        userParts(cached),
      ]),
    ).toMatchObject([
      {},
      {},
      {
        content: [
          { toolResult: { toolUseId: 't1' } },
          { toolResult: { toolUseId: 't2', content: [{ text: 'x' }] } },
          { cachePoint: { type: 'default', ttl: '1h' } },
          { text: 'and' },
        ],
      },
    ])
  })

  test.each<[string, unknown]>([
    ['{"a":1}', { json: { a: 1 } }],
    [' [1,2]', { json: { results: [1, 2] } }],
    ['42', { json: { value: 42 } }],
    ['"x"', { json: { value: 'x' } }],
    ['null', { json: { value: null } }],
    ['{"a":', { text: '{"a":' }],
    ['14 C, rain', { text: '14 C, rain' }],
    ['done', { text: 'done' }],
    ['', { json: {} }],
  ])('a result of %j', (said, content) => {
    expect(turns([user('q'), assistant(callPart('t', 'f')), userParts(resultPart('t', text(said)))])).toMatchObject([
      {},
      {},
      { content: [{ toolResult: { toolUseId: 't', content: [content], status: 'success' } }] },
    ])
  })

  test('a long number in a result stays what it is', () => {
    const sent = turns([user('q'), assistant(callPart('t', 'f')), userParts(resultPart('t', text('12345678901234567890')))])
    expect(JSON.stringify(sent)).toContain('{"json":{"value":12345678901234567890}}')
  })

  test('a failed result says so, and keeps texts, pictures and documents', () => {
    const image: Part = { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } }
    const document: Part = { type: 'document', source: { kind: 'data', mediaType: 'application/pdf', data: 'AAAA' }, name: 'r.pdf' }
    const result: Part = { type: 'tool-result', id: 't', isError: true, parts: [text('{"a":1}'), image, document] }
    expect(turns([user('q'), assistant(callPart('t', 'f')), userParts(result)])).toMatchObject([
      {},
      {},
      {
        content: [
          {
            toolResult: {
              status: 'error',
              content: [
                { text: '{"a":1}' },
                { image: { format: 'png', source: { bytes: 'AAAA' } } },
                { document: { format: 'pdf', name: 'r', source: { bytes: 'AAAA' } } },
              ],
            },
          },
        ],
      },
    ])
  })

  test('ids hold only what the API takes, alike in call and result', () => {
    const id = `call.${'x'.repeat(70)}|1`
    const sent = JSON.stringify(turns([user('q'), assistant(callPart(id, 'f')), userParts(resultPart(id, text('r')))]))
    const ids = [...sent.matchAll(/"toolUseId":"([^"]*)"/g)].map((match) => match[1])
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
  })

  test('arguments that are no object are refused', () => {
    expect(() => turns([user('q'), assistant(callPart('t', 'f', '[1]'))])).toThrow(
      expect.objectContaining({
        code: 'GW_INVALID_REQUEST',
        detail: expect.objectContaining({ param: 'messages[1].content[0].arguments' }),
      }),
    )
    expect(turns([user('q'), assistant(callPart('t', 'f', 'null'))])).toMatchObject([{}, { content: [{ toolUse: { input: {} } }] }])
  })

  test('thoughts go back to the model that can verify them', () => {
    const thoughts = assistant(
      { type: 'reasoning', text: 'a', signature: 's', signedBy: 'anthropic' },
      { type: 'reasoning', text: '', redacted: 'r' },
      { type: 'reasoning', text: 'unsigned' },
      { type: 'reasoning', text: 'b', signature: 's', signedBy: 'openai' },
      text('so'),
    )
    expect(turns([user('q'), thoughts, user('r')])).toMatchObject([
      {},
      {
        content: [
          { reasoningContent: { reasoningText: { text: 'a', signature: 's' } } },
          { reasoningContent: { redactedContent: 'r' } },
          { text: 'so' },
        ],
      },
      {},
    ])
    expect(turns([user('q'), thoughts, user('r')], LLAMA)).toMatchObject([{}, { content: [{ text: 'so' }] }, {}])
  })

  test('breakpoints follow their part, for models that know them', () => {
    const cached: Part = { type: 'text', text: 'a', cache: {} }
    const messages: Message[] = [{ role: 'system', parts: [cached] }, userParts(cached)]
    for (const model of [CLAUDE, NOVA, 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x']) {
      expect(encode({ messages, model }).body).toMatchObject({
        system: [{ text: 'a' }, { cachePoint: { type: 'default' } }],
        messages: [{ content: [{ text: 'a' }, { cachePoint: { type: 'default' } }] }],
      })
    }
    expect(JSON.stringify(encode({ messages, model: LLAMA }).body)).not.toContain('cachePoint')
  })

  test('refusals are text, parts of this format go back, others stay', () => {
    const own = { guardContent: { text: { text: 'g' } } }
    expect(
      turns([
        user('q'),
        assistant(
          { type: 'refusal', text: 'no' },
          { type: 'opaque', format: 'bedrock-converse', value: own },
          { type: 'opaque', format: 'x', value: {} },
        ),
        user('r'),
      ]),
    ).toMatchObject([{}, { content: [{ text: 'no' }, own] }, {}])
  })
})

describe('media', () => {
  const sent = (part: Part) => (turns([userParts(text('q'), part)]) as unknown as { content: JsonObject[] }[])[0]?.content[1]

  test('pictures travel as bytes or lie in S3', () => {
    expect(sent({ type: 'image', source: { kind: 'data', mediaType: 'image/jpg', data: 'AAAA' } })).toEqual({
      image: { format: 'jpeg', source: { bytes: 'AAAA' } },
    })
    expect(
      sent({ type: 'image', source: { kind: 'url', url: 's3://b/k.webp' }, extra: { 'bedrock-converse': { bucketOwner: '1' } } }),
    ).toEqual({ image: { format: 'webp', source: { s3Location: { uri: 's3://b/k.webp', bucketOwner: '1' } } } })
  })

  test.each<[string, Part]>([
    ['a picture by address', { type: 'image', source: { kind: 'url', url: 'https://e.example/a.png' } }],
    ['a picture of another type', { type: 'image', source: { kind: 'data', mediaType: 'image/tiff', data: 'AAAA' } }],
    ['a file id', { type: 'document', source: { kind: 'file', id: 'f' } }],
    ['a document of another type', { type: 'document', source: { kind: 'data', mediaType: 'application/zip', data: 'AAAA' } }],
    ['sound', { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AAAA' } }],
  ])('%s is refused, or left out where that is asked for', (_, part) => {
    expect(() => sent(part)).toThrow(unsupported)
    const { body, dropped } = encode({ messages: [userParts(text('q'), part)] }, { dropUnsupported: true })
    expect(body.messages).toEqual([{ role: 'user', content: [{ text: 'q' }] }])
    expect(dropped).toEqual(['messages[0].content[1]'])
  })

  test('documents have clean names, each once', () => {
    const document = (name: string | undefined): Part => ({
      type: 'document',
      name,
      source: { kind: 'data', mediaType: 'application/pdf', data: 'AAAA' },
    })
    const messages = [userParts(document('Q1 *report*  (final).pdf'), document('Q1 _report_ (final)'), document(undefined), document('é'))]
    const content = (encode({ messages }).body.messages as { content: { document: JsonObject }[] }[])[0]?.content
    expect(content?.map((block) => block.document.name)).toEqual(['Q1 _report_ (final)', 'Q1 _report_ (final) (2)', 'document', '_'])
  })

  test('text is a document of bytes; context, citations and pieces are kept', () => {
    expect(sent({ type: 'document', source: { kind: 'text', text: 'hi' }, context: 'c', cites: true })).toEqual({
      document: { format: 'txt', name: 'document', source: { bytes: 'aGk=' }, context: 'c', citations: { enabled: true } },
    })
    expect(sent({ type: 'document', source: { kind: 'parts', parts: [text('a')] } })).toEqual({
      document: { format: 'txt', name: 'document', source: { content: [{ text: 'a' }] } },
    })
    expect(sent({ type: 'document', source: { kind: 'data', mediaType: 'application/json', data: 'e30=' } })).toMatchObject({
      document: { format: 'txt' },
    })
    expect(sent({ type: 'document', source: { kind: 'data', mediaType: 'image/png', data: 'AAAA' } })).toMatchObject({
      image: { format: 'png' },
    })
    expect(sent({ type: 'document', source: { kind: 'url', url: 's3://b/v.mp4' } })).toMatchObject({ video: { format: 'mp4' } })
  })
})

describe('tools', () => {
  test('names are made to fit, told apart, and remembered', () => {
    const long = 'x'.repeat(70)
    const tools = [tool('a.b'), tool('a_b'), tool('a b'), tool(long), tool('ok')]
    const messages = [user('q'), assistant(callPart('t', 'a.b')), userParts(resultPart('t', text('r')))]
    const { body, carry } = encode({ tools, messages, toolChoice: { mode: 'tool', name: 'a b' } })
    expect(names({ tools })).toEqual(['a_b_2', 'a_b', 'a_b_3', long.slice(0, 64), 'ok'])
    expect(body.messages).toMatchObject([{}, { content: [{ toolUse: { name: 'a_b_2' } }] }, {}])
    expect(body.toolConfig).toMatchObject({ toolChoice: { tool: { name: 'a_b_3' } } })
    expect(carry).toEqual({ signedBy: 'anthropic', tools: { a_b_2: 'a.b', a_b_3: 'a b', [long.slice(0, 64)]: long } })
  })

  test('a tool without description or parameters gets the least the API takes', () => {
    expect(toolConfig({ tools: [tool('f')] })).toEqual({
      tools: [{ toolSpec: { name: 'f', description: 'Function tool', inputSchema: { json: { type: 'object', properties: {} } } } }],
    })
  })

  test.each<[ChatRequest['toolChoice'], unknown]>([
    [{ mode: 'auto' }, { auto: {} }],
    [{ mode: 'required' }, { any: {} }],
    [{ mode: 'tool', name: 'f' }, { tool: { name: 'f' } }],
    [{ mode: 'allowed', names: ['f'], required: true }, { any: {} }],
    [undefined, undefined],
  ])('%j', (toolChoice, expected) => {
    expect(toolConfig({ tools: [tool('f')], toolChoice })?.toolChoice).toEqual(expected)
  })

  test('only the tools that are allowed are sent', () => {
    expect(names({ tools: [tool('f'), tool('g')], toolChoice: { mode: 'allowed', names: ['g'], required: false } })).toEqual(['g'])
  })

  test('"none" leaves the tools out, but not where the conversation holds calls', () => {
    const messages = [user('q'), assistant(callPart('t', 'f')), userParts(resultPart('t', text('r')))]
    expect(toolConfig({ tools: [tool('f')], toolChoice: { mode: 'none' } })).toBeUndefined()
    const kept = toolConfig({ tools: [tool('f'), tool('g')], toolChoice: { mode: 'none' }, messages })
    expect(kept).toMatchObject({ tools: [{ toolSpec: { name: 'f' } }, { toolSpec: { name: 'g' } }] })
    expect(kept).not.toHaveProperty('toolChoice')
  })

  test('a conversation with calls gets tools made up where none are sent', () => {
    const messages = [user('q'), assistant(callPart('t', 'f.x'), callPart('u', 'f.x')), userParts(resultPart('t', text('r')))]
    expect(names({ messages })).toEqual(['f_x'])
    expect(names({ messages: [userParts(resultPart('t', text('r')))] })).toEqual(['tool'])
    expect(toolConfig({ messages })).not.toHaveProperty('toolChoice')
  })

  test('strict is for models that know it, breakpoints after tools for Claude', () => {
    const tools = [tool('f', { strict: true, cache: {} })]
    expect(toolConfig({ tools })?.tools).toMatchObject([{ toolSpec: { strict: true } }, { cachePoint: { type: 'default' } }])
    for (const model of [NOVA, LLAMA]) {
      expect(toolConfig({ tools, model })?.tools).toEqual([{ toolSpec: expect.not.objectContaining({ strict: true }) }])
    }
  })

  test("what the provider runs: Nova's own tools, and those of this format", () => {
    const search = { kind: 'server', name: 'web_search', format: 'openai-chat', value: {} } as const
    expect(toolConfig({ tools: [search, { ...search, name: 'code_execution' }], model: NOVA })?.tools).toEqual([
      { systemTool: { name: 'nova_grounding' } },
      { systemTool: { name: 'nova_code_interpreter' } },
    ])
    expect(toolConfig({ tools: [{ ...search, format: 'bedrock-converse', value: { systemTool: { name: 's' } } }] })?.tools).toEqual([
      { systemTool: { name: 's' } },
    ])
    expect(() => toolConfig({ tools: [search] })).toThrow(unsupported)
    expect(() => toolConfig({ tools: [{ kind: 'custom', name: 'c' }] })).toThrow(unsupported)
  })
})

describe('the form of an answer', () => {
  const responseFormat = { type: 'json-schema', name: 'sum', schema: { type: 'object', properties: { a: { type: 'integer' } } } } as const

  test('newer Claude models take the schema', () => {
    expect(modelField({ responseFormat }, 'output_config')).toEqual({
      format: { type: 'json_schema', schema: { ...responseFormat.schema, additionalProperties: false } },
    })
    expect(modelField({ responseFormat }, 'anthropic_beta')).toEqual(['structured-outputs-2025-11-13'])
    expect(encode({ responseFormat }).carry).toEqual({ signedBy: 'anthropic' })
  })

  test.each([OLD_CLAUDE, NOVA, LLAMA])('%s gets a tool for it', (model) => {
    const { body, carry } = encode({ responseFormat, model })
    expect(body.toolConfig).toMatchObject({
      tools: [{ toolSpec: { name: 'bf_so_sum', inputSchema: { json: responseFormat.schema } } }],
      toolChoice: { tool: { name: 'bf_so_sum' } },
    })
    expect(carry).toMatchObject({ answer: 'bf_so_sum' })
  })

  test('beside other tools any may be called; its name is its own; a model that thinks takes no order', () => {
    const tools = [tool('bf_so_sum')]
    expect(toolConfig({ responseFormat, tools, model: LLAMA })).toMatchObject({
      tools: [{ toolSpec: { name: 'bf_so_sum_2' } }, { toolSpec: { name: 'bf_so_sum' } }],
      toolChoice: { any: {} },
    })
    expect(toolConfig({ responseFormat, tools, toolChoice: { mode: 'none' }, model: LLAMA })).toMatchObject({
      toolChoice: { tool: { name: 'bf_so_sum_2' } },
    })
    expect(toolConfig({ responseFormat, model: OLD_CLAUDE, reasoning: { effort: 'low' } })).toMatchObject({ toolChoice: { auto: {} } })
  })

  test('any object', () => {
    expect(toolConfig({ responseFormat: { type: 'json-object' }, model: LLAMA })).toMatchObject({
      tools: [{ toolSpec: { name: 'bf_so_json_response', inputSchema: { json: { type: 'object' } } } }],
    })
    expect(toolConfig({ responseFormat: { type: 'text' }, model: LLAMA })).toBeUndefined()
  })
})

describe('reasoning', () => {
  const fields = (model: string, more: Partial<ChatRequest>) => {
    const { inferenceConfig, additionalModelRequestFields } = encode({ model, ...more }).body
    return { config: inferenceConfig, fields: additionalModelRequestFields }
  }

  test.each<[string, Partial<ChatRequest>, unknown]>([
    [
      CLAUDE,
      { reasoning: { budgetTokens: 2000 } },
      { config: { maxTokens: 4096 }, fields: { thinking: { type: 'enabled', budget_tokens: 2000 } } },
    ],
    [CLAUDE, { reasoning: { effort: 'none' } }, { config: undefined, fields: { thinking: { type: 'disabled' } } }],
    [
      'anthropic.claude-opus-4-6-v1',
      { reasoning: { effort: 'max' } },
      { config: undefined, fields: { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } } },
    ],
    [
      NOVA,
      { reasoning: { effort: 'minimal' }, maxOutputTokens: 9 },
      { config: { maxTokens: 9 }, fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } } },
    ],
    [
      NOVA,
      { reasoning: { effort: 'xhigh' }, maxOutputTokens: 9 },
      { config: undefined, fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } } },
    ],
    [NOVA, { reasoning: { effort: 'none' } }, { config: undefined, fields: { reasoningConfig: { type: 'disabled' } } }],
    [
      NOVA,
      { reasoning: { budgetTokens: 2000 } },
      { config: undefined, fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' } } },
    ],
    [NOVA, { reasoning: { budgetTokens: 0 } }, { config: undefined, fields: { reasoningConfig: { type: 'disabled' } } }],
    ['openai.gpt-oss-120b-1:0', { reasoning: { effort: 'max' } }, { config: undefined, fields: { reasoning_effort: 'high' } }],
    ['openai.gpt-oss-120b-1:0', { reasoning: { effort: 'none' } }, { config: undefined, fields: { reasoning_effort: 'low' } }],
    [
      'us.deepseek.r1-v1:0',
      { reasoning: { budgetTokens: 2000 }, maxOutputTokens: 4000 },
      { config: { maxTokens: 4000 }, fields: { reasoning_config: { type: 'enabled', budget_tokens: 2000 } } },
    ],
  ])('%s with %j', (model, more, expected) => {
    expect(fields(model, more)).toEqual(expected)
  })

  test('thinking between calls is asked for where the model wants the flag', () => {
    const more = { reasoning: { budgetTokens: 2000 }, tools: [tool('f')] }
    expect(modelField(more, 'anthropic_beta')).toEqual(['interleaved-thinking-2025-05-14'])
    expect(modelField({ ...more, model: OLD_CLAUDE }, 'anthropic_beta')).toBeUndefined()
    expect(modelField({ ...more, model: 'anthropic.claude-haiku-4-5-20251001-v1:0' }, 'anthropic_beta')).toBeUndefined()
  })
})

describe('sampling', () => {
  const sampling = { temperature: 1.5, topP: 0.9, topK: 5, stop: ['END'] }

  test('each family has its words', () => {
    expect(encode({ ...sampling, model: LLAMA }).body).toMatchObject({
      inferenceConfig: { temperature: 1, topP: 0.9, stopSequences: ['END'] },
      additionalModelRequestFields: { top_k: 5 },
    })
    expect(encode({ ...sampling, model: NOVA }).body.additionalModelRequestFields).toEqual({ inferenceConfig: { topK: 5 } })
    expect(encode({ ...sampling, model: 'cohere.command-r-v1:0' }).body.additionalModelRequestFields).toEqual({ k: 5 })
    expect(encode({ ...sampling, model: LLAMA }).body).not.toHaveProperty('additionalModelResponseFieldPaths')
  })

  test.each<[string, string, Partial<ChatRequest>, unknown, string[]]>([
    ['one of the two', CLAUDE, {}, { temperature: 1, stopSequences: ['END'] }, ['top_p']],
    ['none', 'anthropic.claude-opus-4-7-v1', {}, { stopSequences: ['END'] }, ['temperature', 'top_p', 'top_k']],
    [
      'none while it thinks',
      CLAUDE,
      { reasoning: { budgetTokens: 1024 }, temperature: 0.5 },
      { maxTokens: 4096, stopSequences: ['END'] },
      ['temperature', 'top_p', 'top_k'],
    ],
    [
      'none at its most',
      NOVA,
      { reasoning: { effort: 'high' }, maxOutputTokens: 9 },
      { stopSequences: ['END'] },
      ['max_tokens', 'temperature', 'top_p', 'top_k'],
    ],
  ])('%s: %s', (_, model, more, config, dropped) => {
    const encoded = encode({ ...sampling, ...more, model })
    expect(encoded.body.inferenceConfig).toEqual(config)
    expect(encoded.dropped).toEqual(dropped)
  })
})

test('hints are left out and reported, what changes the answer is refused', () => {
  const { body, dropped } = encode({ seed: 1, user: 'u', choices: 1, parallelToolCalls: false, serviceTier: 'auto' })
  expect(body).toEqual({ messages: [{ role: 'user', content: [{ text: 'hi' }] }] })
  expect(dropped).toEqual(['seed', 'user', 'service_tier', 'parallel_tool_calls', 'n'])
  expect(encode({ serviceTier: 'flex' }).body.serviceTier).toEqual({ type: 'flex' })
  expect(() => encode({ choices: 2 })).toThrow(unsupported)
  expect(() => encode({ logprobs: true })).toThrow(unsupported)
  expect(() => encode({ audio: {} })).toThrow(unsupported)
})

test('fields of this API pass in whichever dialect they were said, and join with ours', () => {
  const guardrailConfig = { guardrailIdentifier: 'g', guardrailVersion: '1', trace: 'enabled', streamProcessingMode: 'async' }
  const { body } = encode({
    topK: 5,
    maxOutputTokens: 7,
    responseFormat: { type: 'json-object' },
    extra: {
      'openai-chat': { guardrailConfig, novelty: 1, additionalModelRequestFieldPaths: { anthropic_beta: ['context-1m-2025-08-07'] } },
      'bedrock-converse': { performanceConfig: { latency: 'optimized' }, inferenceConfig: { novelty: 2 }, fallbacks: ['x/y'] },
    },
  })
  expect(body).toMatchObject({
    guardrailConfig,
    performanceConfig: { latency: 'optimized' },
    inferenceConfig: { maxTokens: 7, novelty: 2 },
    additionalModelRequestFields: { top_k: 5, anthropic_beta: ['structured-outputs-2025-11-13', 'context-1m-2025-08-07'] },
  })
  expect(body).not.toHaveProperty('novelty')
  expect(body).not.toHaveProperty('fallbacks')
  expect(body).not.toHaveProperty('additionalModelRequestFieldPaths')
})
