import { describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, Message, StreamPart } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { EncodeOptions, Frame, Outbound } from '../../../../core/format.ts'
import { scan } from '../../../../core/scan.ts'
import { format } from '../../../../providers/formats/gemini/index.ts'
import { runFold } from '../../../conformance/format.ts'

const outbound = format.outbound as Outbound
const user: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }
const encode = (request: Partial<ChatRequest>, options: EncodeOptions = {}) =>
  outbound.encodeRequest({ model: 'gemini-2.5-flash', stream: false, messages: [user], ...request }, { provider: 'gemini', ...options })
const configOf = (request: Partial<ChatRequest>) => encode(request).body.generationConfig as JsonObject | undefined

const candidate = (parts: JsonObject[], more: JsonObject = { finishReason: 'STOP' }): JsonObject => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...more }],
  modelVersion: 'gemini-2.5-flash',
  responseId: 'r1',
})
const streamed = (...events: JsonObject[]) =>
  runFold(
    outbound.decodeStream,
    events.map((event): Frame => ({ data: JSON.stringify(event) })),
    {},
  )
const folded = (...events: JsonObject[]): ChatResponse => foldParts(streamed(...events).out as StreamPart[])
const partsOf = (response: ChatResponse) => response.choices[0]?.parts

describe('a request', () => {
  test.each<[string, ChatRequest['reasoning'], number | undefined, JsonObject | undefined]>([
    ['gemini-2.5-flash', { effort: 'none' }, undefined, { includeThoughts: false, thinkingBudget: 0 }],
    ['gemini-2.5-pro', { effort: 'none' }, undefined, undefined],
    ['gemini-2.5-pro', { effort: 'low' }, undefined, { includeThoughts: true, thinkingBudget: 5024 }],
    ['gemini-2.5-pro', { effort: 'high' }, 1128, { includeThoughts: true, thinkingBudget: 928 }],
    ['gemini-2.5-flash-lite', { budgetTokens: 100 }, undefined, { includeThoughts: true, thinkingBudget: 512 }],
    ['gemini-2.5-flash', { budgetTokens: 60_000 }, undefined, { includeThoughts: true, thinkingBudget: 24_576 }],
    ['gemini-2.5-flash', { budgetTokens: -1 }, undefined, { includeThoughts: true, thinkingBudget: -1 }],
    ['gemini-2.5-flash', { adaptive: true, display: 'omitted' }, undefined, { includeThoughts: false, thinkingBudget: -1 }],
    ['gemini-3-pro-preview', { effort: 'medium' }, undefined, { includeThoughts: true, thinkingLevel: 'HIGH' }],
    ['gemini-3.1-pro', { effort: 'medium' }, undefined, { includeThoughts: true, thinkingLevel: 'MEDIUM' }],
    ['gemini-3-flash', { effort: 'minimal' }, undefined, { includeThoughts: true, thinkingLevel: 'MINIMAL' }],
    ['gemini-3-pro', { effort: 'none' }, undefined, { includeThoughts: false, thinkingLevel: 'LOW' }],
    ['gemini-flash-latest', { effort: 'max' }, undefined, { includeThoughts: true, thinkingLevel: 'HIGH' }],
    ['gemini-2.0-flash', { effort: 'high' }, undefined, undefined],
    ['gemma-3', { effort: 'high' }, undefined, undefined],
  ])('to %s with %j (limit %s) says %j', (model, reasoning, maxOutputTokens, thinking) => {
    expect(configOf({ model, reasoning, maxOutputTokens })?.thinkingConfig).toEqual(thinking)
  })

  const tools: ChatRequest['tools'] = [
    { kind: 'function', name: 'a', parameters: { type: 'object' } },
    { kind: 'function', name: 'b' },
  ]
  test.each<[ChatRequest['toolChoice'], JsonObject | undefined]>([
    [undefined, undefined],
    [{ mode: 'auto' }, { mode: 'AUTO' }],
    [{ mode: 'none' }, { mode: 'NONE' }],
    [{ mode: 'required' }, { mode: 'ANY' }],
    [
      { mode: 'tool', name: 'b' },
      { mode: 'ANY', allowedFunctionNames: ['b'] },
    ],
    [
      { mode: 'allowed', names: ['a'], required: true },
      { mode: 'ANY', allowedFunctionNames: ['a'] },
    ],
    [
      { mode: 'allowed', names: ['a'], required: false },
      { mode: 'VALIDATED', allowedFunctionNames: ['a'] },
    ],
  ])('with the choice %j says %j', (toolChoice, said) => {
    const { body } = encode({ tools, toolChoice })
    expect(body.toolConfig).toEqual(said && { functionCallingConfig: said })
    expect(body.tools).toEqual([{ functionDeclarations: [{ name: 'a', parametersJsonSchema: { type: 'object' } }, { name: 'b' }] }])
  })

  test('maps tools that the provider runs, and refuses those it cannot run', () => {
    const server = (name: string) => ({ kind: 'server' as const, name, format: 'openai-chat', value: { type: name } })
    expect(encode({ tools: ['web_search', 'code_execution'].map(server) }).body.tools).toEqual([
      { googleSearch: {} },
      { codeExecution: {} },
    ])
    expect(() => encode({ tools: [server('file_search')] })).toThrow(expect.objectContaining({ code: 'GW_UNSUPPORTED_PARAMETER' }))
    expect(encode({ tools: [server('file_search')] }, { dropUnsupported: true })).toMatchObject({ dropped: ['tools[0]'] })
  })

  test('renames tools whose names the API does not take, and the answer names them as the client does', () => {
    const names = ['mcp/search me', 'mcp_search_me', '9lives']
    const { body, carry } = encode({
      tools: names.map((name) => ({ kind: 'function', name })),
      toolChoice: { mode: 'tool', name: '9lives' },
    })
    expect(body.tools).toEqual([{ functionDeclarations: [{ name: 'mcp_search_me_2' }, { name: 'mcp_search_me' }, { name: '_lives' }] }])
    expect(body.toolConfig).toEqual({ functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['_lives'] } })
    const answer = outbound.decodeResponse(candidate([{ functionCall: { name: 'mcp_search_me_2', args: {} } }]), carry)
    expect(partsOf(answer)).toMatchObject([{ name: 'mcp/search me' }])
  })

  test('joins turns of one role, and finds the name of a call that is answered', () => {
    const messages: Message[] = [
      { role: 'developer', parts: [{ type: 'text', text: 'be brief' }] },
      user,
      { role: 'assistant', parts: [{ type: 'text', text: 'let me see' }] },
      { role: 'assistant', parts: [{ type: 'tool-call', id: 'gem_r1_0', name: 'look', arguments: '{"n":12345678901234567890}' }] },
      { role: 'user', parts: [{ type: 'tool-result', id: 'gem_r1_0', parts: [{ type: 'text', text: '{"found":1}' }] }] },
      { role: 'user', parts: [{ type: 'text', text: 'and?' }] },
    ]
    const { body } = encode({ messages })
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'be brief' }] })
    expect(JSON.parse(JSON.stringify(body.contents).replace('12345678901234567890', '"exact"'))).toEqual([
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'model', parts: [{ text: 'let me see' }, { functionCall: { name: 'look', args: { n: 'exact' } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'look', response: { found: 1 } } }, { text: 'and?' }] },
    ])
  })

  test.each<[string, boolean, JsonObject]>([
    ['went wrong', true, { error: 'went wrong' }],
    ['{"code":1}', true, { error: { code: 1 } }],
    ['[1]', false, { output: '[1]' }],
    ['{"broken', false, { output: '{"broken' }],
  ])('a result %s (error: %s) is %j', (text, isError, response) => {
    const parts: Message['parts'] = [{ type: 'tool-result', id: 'x', name: 'look', parts: [{ type: 'text', text }], isError }]
    const { body } = encode({ messages: [{ role: 'user', parts }] })
    expect(body.contents).toEqual([{ role: 'user', parts: [{ functionResponse: { id: 'x', name: 'look', response } }] }])
  })

  test('Gemini 3 is given proof for each step, its own where there is one', () => {
    const call = (name: string, signature?: string) => ({ type: 'tool-call' as const, id: name, name, arguments: '{}', signature })
    const result = (name: string) => ({ role: 'user' as const, parts: [{ type: 'tool-result' as const, id: name, parts: [] }] })
    const messages: Message[] = [
      { role: 'assistant', parts: [call('a', 'proof'), call('b')] },
      result('a'),
      { role: 'assistant', parts: [call('c')] },
    ]
    const signatures = (model: string) =>
      (encode({ model, messages }).body.contents as { parts: JsonObject[] }[]).map(({ parts }) =>
        parts.map((part) => part.thoughtSignature),
      )
    expect(signatures('gemini-3-pro')).toEqual([['proof', undefined], [undefined], ['skip_thought_signature_validator']])
    expect(signatures('gemini-2.5-pro')).toEqual([['proof', undefined], [undefined], [undefined]])
  })

  test('sends back only those thoughts that Google signed', () => {
    const thought = (signedBy?: string) => ({ type: 'reasoning' as const, text: 'hm', signature: 's', signedBy })
    const messages: Message[] = [user, { role: 'assistant', parts: [thought('anthropic'), thought(), thought('google')] }]
    expect(encode({ messages }).body.contents).toMatchObject([{}, { parts: [{ text: 'hm', thought: true, thoughtSignature: 's' }] }])
  })

  test('takes what only Google knows from every dialect', () => {
    const extra = {
      'openai-chat': {
        safety_settings: [{ category: 'c' }],
        cached_content: 'cachedContents/1',
        labels: { a: 'b' },
        response_mime_type: 'text/x.enum',
      },
      gemini: { generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' } },
    }
    expect(encode({ extra, temperature: 1 }).body).toMatchObject({
      safetySettings: [{ category: 'c' }],
      cachedContent: 'cachedContents/1',
      labels: { a: 'b' },
      generationConfig: { temperature: 1, responseMimeType: 'text/x.enum', mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    })
  })

  test('drops hints by name and refuses what changes the answer', () => {
    expect(encode({ user: 'u', store: true, parallelToolCalls: false, serviceTier: 'auto' }).dropped).toEqual([
      'store',
      'user',
      'service_tier',
      'parallel_tool_calls',
    ])
    expect(encode({ serviceTier: 'flex' }).body.serviceTier).toBe('FLEX')
    for (const request of [{ logitBias: { 1: 2 } }, { audio: { voice: 'x' } }, { modalities: ['text', 'audio'] }] as Partial<ChatRequest>[])
      expect(() => encode(request)).toThrow(expect.objectContaining({ code: 'GW_UNSUPPORTED_PARAMETER' }))
    expect(configOf({ modalities: ['text', 'image'], choices: 2, logprobs: true, topLogprobs: 30 })).toEqual({
      responseModalities: ['TEXT', 'IMAGE'],
      candidateCount: 2,
      responseLogprobs: true,
      logprobs: 20,
    })
  })

  test('arguments that are no object name their place', () => {
    const parts: Message['parts'] = [{ type: 'tool-call', id: 'x', name: 'look', arguments: '[1' }]
    expect(() => encode({ messages: [{ role: 'assistant', parts }] })).toThrow(
      expect.objectContaining({
        code: 'GW_INVALID_REQUEST',
        detail: expect.objectContaining({ param: 'messages[0].content[0].arguments' }),
      }),
    )
  })
})

describe('an answer', () => {
  test('calls without ids get some that say which answer they are of', () => {
    const call = { functionCall: { name: 'f' } }
    const body = candidate([call, call])
    const other = { ...(body.candidates as JsonObject[])[0], index: 1 }
    const { choices } = outbound.decodeResponse({ ...body, candidates: [...(body.candidates as JsonObject[]), other] })
    expect(
      choices.map(({ parts, stop }) => [stop.reason, ...parts.map((part) => part.type === 'tool-call' && [part.id, part.arguments])]),
    ).toEqual([
      ['tool-calls', ['gem_r1_0', '{}'], ['gem_r1_1', '{}']],
      ['tool-calls', ['gem_r1_1_0', '{}'], ['gem_r1_1_1', '{}']],
    ])
  })

  test('signatures stay with their parts: calls carry them, texts keep them for Google', () => {
    const parts = [
      { text: 'a' },
      { text: '', thoughtSignature: 'T' },
      { functionCall: { id: 'c1', name: 'f', args: {} }, thoughtSignature: 'C' },
    ]
    const events = parts.map((part, index) => candidate([part], index === 2 ? { finishReason: 'STOP' } : {}))
    for (const answer of [outbound.decodeResponse(candidate(parts)), folded(...events)])
      expect(partsOf(answer)).toEqual([
        { type: 'text', text: 'a', extra: { gemini: { thoughtSignature: 'T' } } },
        { type: 'tool-call', id: 'c1', name: 'f', arguments: '{}', signature: 'C' },
      ])
  })

  test('thoughts and text are parts of their own, however they are cut', () => {
    const pieces = [
      ['h', true],
      ['m', true],
      ['o', false],
      ['k', false],
      ['!', true],
    ] as const
    const events = pieces.map(([text, thought]) => candidate([{ text, thought }], {}))
    const wanted = [
      { type: 'reasoning', text: 'hm', signedBy: 'google' },
      { type: 'text', text: 'ok' },
      { type: 'reasoning', text: '!', signedBy: 'google' },
    ]
    expect(partsOf(folded(...events, candidate([])))).toEqual(wanted)
    expect(partsOf(outbound.decodeResponse(candidate(pieces.map(([text, thought]) => ({ text, thought })))))).toEqual(wanted)
  })

  test('code that ran is a call and a result of the provider, and goes back as it came', () => {
    const parts = [
      { executableCode: { language: 'PYTHON', code: 'print(1)' } },
      { codeExecutionResult: { outcome: 'OUTCOME_FAILED', output: 'no' } },
    ]
    const answer = outbound.decodeResponse(candidate(parts))
    expect(partsOf(answer)).toMatchObject([
      { type: 'tool-call', kind: 'server', id: 'gem_r1_0', name: 'code_execution', arguments: '{"code":"print(1)"}' },
      { type: 'tool-result', kind: 'server', id: 'gem_r1_0', parts: [{ type: 'text', text: 'no' }], isError: true },
    ])
    expect(answer.choices[0]?.stop.reason).toBe('stop')
    expect(encode({ messages: [{ role: 'assistant', parts: partsOf(answer) ?? [] }] }).body.contents).toEqual([{ role: 'model', parts }])
  })

  test('media and parts that nobody knows keep their place', () => {
    const parts = [
      { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thoughtSignature: 'S' },
      { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: 'AAAA' } },
      { fileData: { mimeType: 'video/mp4', fileUri: 'gs://b/x' }, videoMetadata: { fps: 1 } },
      { newKindOfPart: { a: 1 } },
    ]
    const answer = outbound.decodeResponse(candidate(parts))
    expect(partsOf(answer)?.map(({ type }) => type)).toEqual(['image', 'audio', 'document', 'opaque'])
    expect(encode({ messages: [{ role: 'assistant', parts: partsOf(answer) ?? [] }] }).body.contents).toEqual([{ role: 'model', parts }])
  })

  test('sources point at code points, although Google counts bytes', () => {
    const groundingMetadata = {
      groundingChunks: [{ web: { uri: 'https://a.test', title: 'A' } }, { retrievedContext: { title: 'B' } }],
      groundingSupports: [{ segment: { startIndex: 5, endIndex: 10, text: 'café' }, groundingChunkIndices: [0, 1, 7] }, { segment: {} }],
    }
    const citations = [
      { kind: 'url', url: 'https://a.test', title: 'A', start: 2, end: 6, text: 'café' },
      { kind: 'document', title: 'B', start: 2, end: 6, text: 'café' },
    ]
    const ended = { finishReason: 'STOP', groundingMetadata }
    const whole = outbound.decodeResponse(candidate([{ text: '😀 café' }], ended))
    const stream = folded(candidate([{ text: '😀 ca' }], {}), candidate([{ text: 'fé' }], ended))
    for (const answer of [whole, stream]) expect(partsOf(answer)).toMatchObject([{ text: '😀 café', citations }])
    expect(whole.choices[0]?.extra?.gemini).toEqual({ groundingMetadata })
  })

  test.each([
    ['a prompt that is blocked', { promptFeedback: { blockReason: 'SAFETY' } }, { reason: 'content-filter', raw: 'SAFETY' }, []],
    ['an answer that is blocked', { candidates: [{ finishReason: 'SAFETY' }] }, { reason: 'content-filter', raw: 'SAFETY' }, []],
    [
      'a call that went wrong',
      { candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL' }] },
      { reason: 'other', raw: 'MALFORMED_FUNCTION_CALL' },
      [],
    ],
    ['a new reason', { candidates: [{ finishReason: 'FULL_MOON' }] }, { reason: 'other', raw: 'FULL_MOON' }, []],
  ])('%s', (_, body, stop, parts) => {
    for (const answer of [outbound.decodeResponse(body), folded(body)]) expect(answer.choices).toMatchObject([{ index: 0, stop, parts }])
  })

  test('usage adds thoughts to the answer and tools to the prompt; traffic tells the tier', () => {
    const usageMetadata = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 5,
      candidatesTokenCount: 7,
      thoughtsTokenCount: 3,
      cachedContentTokenCount: 4,
      promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 6 }],
      trafficType: 'PROVISIONED_THROUGHPUT',
    }
    const answer = outbound.decodeResponse({ ...candidate([{ text: 'a' }]), usageMetadata })
    expect(answer.usage).toMatchObject({ inputTokens: 15, outputTokens: 10, reasoningTokens: 3, cacheReadTokens: 4, inputAudioTokens: 6 })
    expect(answer.serviceTier).toBe('provisioned')
  })

  test('log probabilities are written as OpenAI does', () => {
    const top = { candidates: [{ token: 'é', logProbability: -0.1 }] }
    const logprobsResult = { chosenCandidates: [{ token: 'é', logProbability: -0.1 }], topCandidates: [top] }
    const one = { token: 'é', logprob: -0.1, bytes: [195, 169] }
    const answer = outbound.decodeResponse(candidate([{ text: 'é' }], { finishReason: 'STOP', logprobsResult }))
    expect(answer.choices[0]?.logprobs).toEqual({ content: [{ ...one, top_logprobs: [one] }] })
  })

  test.each([
    ['nothing', {}, 'GW_UPSTREAM_INVALID'],
    ['a candidate that did not end', candidate([{ text: 'a' }], {}), 'GW_UPSTREAM_INVALID'],
    ['an error', { error: { code: 503, message: 'busy' } }, 'GW_UPSTREAM_ERROR'],
  ])('%s is refused', (_, body, code) => {
    expect(() => outbound.decodeResponse(body)).toThrow(expect.objectContaining({ code }))
  })
})

describe('arguments that come in pieces', () => {
  const piece = (functionCall: JsonObject, more: JsonObject = {}) => candidate([{ functionCall }], more)
  const args = (...pieces: JsonObject[]) =>
    partsOf(folded(piece({ name: 'f', willContinue: true }), ...pieces.map((call) => piece(call)), candidate([])))

  test('are put together by their paths', () => {
    const partialArgs = [
      { jsonPath: '$.list[0].name', stringValue: 'ap', willContinue: true },
      { jsonPath: '$.list[0].name', stringValue: 'ple' },
      { jsonPath: "$['a key']", boolValue: false },
      { jsonPath: '$.list[1]', numberValue: 0.5 },
      { jsonPath: '$.nothing', nullValue: 'NULL_VALUE' },
      { jsonPath: '$.__proto__.x', stringValue: 'own' },
      { jsonPath: '$.list[99999999999]', stringValue: 'far' },
      { jsonPath: 'no path', stringValue: 'x' },
    ]
    const [part] = args(...partialArgs.map((each) => ({ partialArgs: [each], willContinue: true })), {}) ?? []
    expect(part).toMatchObject({
      type: 'tool-call',
      arguments: '{"list":[{"name":"apple"},0.5],"a key":false,"nothing":null,"__proto__":{"x":"own"}}',
    })
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  test('end where another part begins, also without a word', () => {
    const events = [piece({ name: 'f', willContinue: true }, {}), piece({ name: 'g', args: { a: 1 } }, {}), candidate([{ text: 'so' }])]
    expect(partsOf(folded(...events))).toMatchObject([{ name: 'f', arguments: '{}' }, { name: 'g', arguments: '{"a":1}' }, { text: 'so' }])
  })
})

test('the lens reads requests and marks events', () => {
  const body = scan(
    Buffer.from(
      JSON.stringify({
        systemInstruction: { parts: [{ text: 'sys' }] },
        contents: [{ role: 'user', parts: [{ text: 'one' }, { inlineData: {} }, { text: 'two' }] }],
        generationConfig: { maxOutputTokens: 5, candidateCount: 2 },
      }),
    ),
  )
  const { lens } = format
  expect([lens.maxOutputTokens(body), lens.choices(body), lens.messageCount(body), lens.texts(body)]).toEqual([
    5,
    2,
    1,
    ['sys', 'one', 'two'],
  ])
  const marks = [candidate([{ text: 'say "finishReason"' }], {}), candidate([{ text: '' }]), { error: { code: 1 } }, { usageMetadata: {} }]
  expect(marks.map((event) => lens.mark({ data: JSON.stringify(event) }))).toEqual(['content', 'finish', 'error', 'other'])
  expect(lens.usage('{"usageMetadata":{"promptTokenCount":3}}')).toMatchObject({ inputTokens: 3, outputTokens: 0 })
})
