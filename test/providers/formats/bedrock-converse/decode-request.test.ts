import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { readPath } from '../../../../providers/formats/bedrock-converse/path.ts'
import { again, CLAUDE, inbound, NOVA, outbound, read } from './helpers.ts'

const ARN = 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x'
const messages: JsonObject[] = [{ role: 'user', content: [{ text: 'hi' }] }]
const saying = (...content: JsonObject[]): JsonObject => ({ messages: [{ role: 'user', content }] })
const answering = (...content: JsonObject[]): JsonObject => ({ messages: [...messages, { role: 'assistant', content }] })
const schema = { type: 'object', properties: { a: { type: 'integer' } } }
const toolSpec = { name: 'f', description: 'd', inputSchema: { json: schema } }
const call: JsonObject = { toolUse: { toolUseId: 't', name: 'f', input: { x: 1 } } }
const asked: JsonObject[] = [...messages, { role: 'assistant', content: [call] }]
const resulting = (result: JsonObject): JsonObject => ({
  messages: [...asked, { role: 'user', content: [{ toolResult: { toolUseId: 't', content: [], ...result } }] }],
  toolConfig: { tools: [{ toolSpec }] },
})
const partsOf = (body: JsonObject) => read(body).messages.at(-1)?.parts

describe('a path', () => {
  test.each<[string, unknown]>([
    [
      '/bedrock/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse',
      { model: 'anthropic.claude-3-haiku-20240307-v1:0', stream: false },
    ],
    ['/model/openai%2Fgpt-4o/converse-stream', { model: 'openai/gpt-4o', stream: true }],
    ['/model/openai/gpt-4o/converse', { model: 'openai/gpt-4o', stream: false }],
    ['/model/x/invoke', undefined],
    ['/model//converse', undefined],
    ['/model/%zz/converse', undefined],
  ])('%s names %j', (path, named) => {
    expect(readPath(path)).toEqual(named)
  })

  test('rules over the body, and must name a model', () => {
    expect(inbound.decodeRequest({ messages, modelId: 'b' }, { model: 'a', stream: true }).request).toMatchObject({
      model: 'a',
      stream: true,
    })
    expect(inbound.decodeRequest({ messages }, { model: 'a' }).request.stream).toBe(false)
    expect(() => inbound.decodeRequest({ messages })).toThrow(expect.objectContaining({ code: 'GW_MODEL_REQUIRED' }))
  })
})

describe('what a client of this API says goes back as it came', () => {
  test.each<[string, JsonObject, string?]>([
    ['texts and instructions', { ...saying({ text: 'a' }, { text: 'b' }), system: [{ text: 's' }, { text: 't' }] }],
    [
      'sampling',
      { messages, inferenceConfig: { maxTokens: 9, temperature: 0.5, stopSequences: ['END'] }, additionalModelResponseFieldPaths: ['/x'] },
    ],
    ['fields that are new', { messages, inferenceConfig: { maxTokens: 9, novelty: 1 }, novelty: { a: [1] } }],
    ['a picture', saying({ image: { format: 'png', source: { bytes: 'AAAA' } } })],
    ['a picture in S3', saying({ image: { format: 'webp', source: { s3Location: { uri: 's3://b/k', bucketOwner: '1' } } } })],
    ['a sound', saying({ audio: { format: 'wav', source: { bytes: 'AAAA' } } })],
    ['a video', saying({ video: { format: 'three_gp', source: { s3Location: { uri: 's3://b/k' } } } })],
    [
      'a document',
      saying({ document: { format: 'xlsx', name: 'n', source: { bytes: 'AAAA' }, context: 'c', citations: { enabled: true } } }),
    ],
    ['a document of text', saying({ document: { format: 'txt', name: 'n', source: { text: 'said' } } })],
    ['a document of pieces', saying({ document: { format: 'txt', name: 'n', source: { content: [{ text: 'a' }, { text: 'b' }] } } })],
    ['a find', saying({ searchResult: { source: 's', title: 't', content: [{ text: 'a' }], citations: { enabled: false } } })],
    ['guarded text', saying({ guardContent: { text: { text: 'g', qualifiers: ['query'] } } })],
    ['a guarded picture', saying({ guardContent: { image: { format: 'jpeg', source: { bytes: 'AAAA' } } } })],
    ['guarded instructions', { messages, system: [{ guardContent: { text: { text: 'g' } } }] }],
    [
      'breakpoints',
      {
        ...saying({ text: 'a' }, { cachePoint: { type: 'default', ttl: '1h' } }),
        system: [{ text: 's' }, { cachePoint: { type: 'default' } }],
      },
    ],
    ['a breakpoint before anything', saying({ cachePoint: { type: 'default' } }, { text: 'a' })],
    [
      'tools',
      {
        messages,
        toolConfig: {
          tools: [{ toolSpec: { ...toolSpec, strict: true } }, { cachePoint: { type: 'default' } }],
          toolChoice: { tool: { name: 'f' } },
        },
      },
    ],
    [
      'a tool of the system',
      { messages, toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }], toolChoice: { any: {} } } },
      NOVA,
    ],
    [
      'thoughts',
      answering(
        { reasoningContent: { reasoningText: { text: 'a', signature: 's' } } },
        { reasoningContent: { redactedContent: 'AAAA' } },
        { text: 'so' },
      ),
    ],
    [
      'a cited text',
      answering({
        citationsContent: { content: [{ text: 'a' }], citations: [{ title: 't', location: { documentPage: { documentIndex: 0 } } }] },
      }),
    ],
    ['a call and its result', resulting({ content: [{ text: 'r' }], status: 'error' })],
    ['a result that is JSON', resulting({ content: [{ json: [1, { a: 2 }] }], status: 'success' })],
    ['a result that reads like JSON', resulting({ content: [{ text: '{"a":1}' }], status: 'success' })],
    [
      'a result of several kinds',
      resulting({
        content: [{ json: { a: 1 } }, { text: 'b' }, { image: { format: 'gif', source: { bytes: 'AAAA' } } }],
        status: 'success',
      }),
    ],
    ['a tier', { messages, serviceTier: { type: 'priority' } }],
    [
      'settings of its own',
      {
        messages,
        guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1', trace: 'enabled' },
        performanceConfig: { latency: 'optimized' },
        promptVariables: { a: { text: 'b' } },
        requestMetadata: { k: 'v' },
      },
    ],
    ['what tools came and went', saying({ text: 'a' }, { toolAddition: { tool: { name: 'f' } } })],
  ])('%s', (_, body, model) => {
    expect(again(body, model)).toEqual(body)
  })

  test.each<[string, JsonObject, Partial<ChatRequest>]>([
    [CLAUDE, { thinking: { type: 'enabled', budget_tokens: 2000 } }, { reasoning: { budgetTokens: 2000 } }],
    [CLAUDE, { thinking: { type: 'enabled', budget_tokens: 5 } }, { reasoning: { budgetTokens: 5 } }],
    [CLAUDE, { thinking: { type: 'disabled' } }, { reasoning: { effort: 'none' } }],
    [CLAUDE, { reasoning_config: { type: 'enabled', budget_tokens: 2000 } }, { reasoning: { budgetTokens: 2000 } }],
    [ARN, { thinking: { type: 'enabled', budget_tokens: 2000 } }, { reasoning: { budgetTokens: 2000 } }],
    [
      'anthropic.claude-opus-4-6-v1',
      { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } },
      { reasoning: { effort: 'max', adaptive: true } },
    ],
    [NOVA, { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } }, { reasoning: { effort: 'high' } }],
    [NOVA, { reasoningConfig: { type: 'disabled' } }, { reasoning: { effort: 'none' } }],
    [NOVA, { inferenceConfig: { topK: 7 } }, { topK: 7 }],
    ['openai.gpt-oss-120b-1:0', { reasoning_effort: 'medium' }, { reasoning: { effort: 'medium' } }],
    ['openai.gpt-oss-120b-1:0', { reasoning_effort: 'of next year' }, {}],
    [CLAUDE, { top_k: 7, anthropic_beta: ['x'] }, { topK: 7 }],
    ['cohere.command-r-v1:0', { k: 7 }, { topK: 7 }],
    [
      CLAUDE,
      { output_config: { format: { type: 'json_schema', schema } } },
      { responseFormat: { type: 'json-schema', name: 'response', schema } },
    ],
  ])('to %s: %j', (model, fields, said) => {
    const body = {
      messages,
      inferenceConfig: { maxTokens: 9, temperature: 0.5 },
      toolConfig: { tools: [{ toolSpec }] },
      additionalModelRequestFields: fields,
    }
    expect(read(body, model)).toMatchObject(said)
    expect(again(body, model)).toEqual(body)
  })

  test('a schema of its own', () => {
    const jsonSchema = { name: 'sum', description: 'd', schema: JSON.stringify(schema) }
    const body = { messages, outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } }, effort: 'low' } }
    expect(read(body)).toMatchObject({
      responseFormat: { type: 'json-schema', name: 'sum', description: 'd', schema },
      reasoning: { effort: 'low' },
    })
    expect(again(body)).toEqual(body)
  })

  test('a stored prompt needs no messages', () => {
    expect(read({ promptVariables: {} }, 'arn:aws:bedrock:us-east-1:1:prompt/P:1').messages).toEqual([])
  })

  test('what was changed since rules over what the client said', () => {
    const request = read({
      messages,
      additionalModelRequestFields: {
        thinking: { type: 'enabled', budget_tokens: 2000 },
        top_k: 7,
        output_config: { effort: 'low' },
        x: 1,
      },
    })
    const changed = { ...request, reasoning: { budgetTokens: 3000 }, topK: 7 }
    expect(outbound.encodeRequest(changed, {}).body.additionalModelRequestFields).toEqual({
      thinking: { type: 'enabled', budget_tokens: 3000 },
      top_k: 7,
      x: 1,
    })
  })
})

describe('in the words of canonical form', () => {
  test('pictures, videos, sounds and documents', () => {
    const blocks: JsonObject[] = [
      { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
      { video: { format: 'mov', source: { bytes: 'AAAA' } } },
      { audio: { format: 'mp3', source: { bytes: 'AAAA' } } },
      { document: { name: 'n', source: { text: 't' } } },
    ]
    expect(partsOf(saying(...blocks))).toMatchObject([
      { type: 'image', source: { mediaType: 'image/jpeg', data: 'AAAA' } },
      { type: 'document', source: { mediaType: 'video/quicktime', data: 'AAAA' } },
      { type: 'audio', source: { mediaType: 'audio/mpeg', data: 'AAAA' } },
      { type: 'document', name: 'n', source: { kind: 'text', text: 't', mediaType: 'text/plain' } },
    ])
  })

  test('proofs say whose they are', () => {
    const sealed = Buffer.from('bf.openai.gAAA-_').toString('base64')
    const parts = partsOf(
      answering(
        { reasoningContent: { reasoningText: { text: 'a', signature: 's' } } },
        { reasoningContent: { reasoningText: { text: 'b', signature: 'bf.google.s' } } },
        { reasoningContent: { reasoningText: { text: 'c' } } },
        { reasoningContent: { redactedContent: sealed } },
      ),
    )
    expect(parts).toEqual([
      { type: 'reasoning', text: 'a', signature: 's', signedBy: 'anthropic' },
      { type: 'reasoning', text: 'b', signature: 's', signedBy: 'google' },
      { type: 'reasoning', text: 'c' },
      { type: 'reasoning', text: '', redacted: 'gAAA-_', signedBy: 'openai' },
    ])
  })

  test("tools of the provider's own have their neutral name, and what it ran stays its own", () => {
    const ran = { toolUse: { toolUseId: 's', name: 'nova_code_interpreter', input: {}, type: 'server_tool_use' } }
    const result = { toolResult: { toolUseId: 's', content: [{ json: { out: 1 } }], type: 'nova_code_interpreter_result' } }
    expect(partsOf(answering(ran, result))).toMatchObject([
      { type: 'tool-call', kind: 'server' },
      { type: 'tool-result', kind: 'server' },
    ])
    const { tools } = read({ messages, toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }, { systemTool: { name: 'x' } }] } })
    expect(tools?.map((tool) => tool.name)).toEqual(['web_search', 'x'])
  })

  test('a call without input has an empty object', () => {
    expect(partsOf(answering({ toolUse: { toolUseId: 't', name: 'f' } }))).toMatchObject([{ arguments: '{}' }])
  })
})

describe('what cannot be right is refused by its path', () => {
  const first = 'messages[0].content[0]'
  test.each<[JsonObject, string]>([
    [{}, 'messages'],
    [{ messages: {} }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: ['x'] }, 'messages[0]'],
    [{ messages: [{ content: [{ text: 'a' }] }] }, 'messages[0].role'],
    [{ messages: [{ role: 'tool', content: [{ text: 'a' }] }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: 'a' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: [] }] }, 'messages[0].content'],
    [saying({}), first],
    [saying({ novelty: {} }), first],
    [saying({ json: {} }), first],
    [saying({ text: 'a', image: {} }), first],
    [saying({ text: 7 }), `${first}.text`],
    [saying({ image: 'x' }), `${first}.image`],
    [saying({ image: { source: { bytes: 'AAAA' } } }), `${first}.image.format`],
    [saying({ image: { format: 'png' } }), `${first}.image.source`],
    [saying({ image: { format: 'png', source: {} } }), `${first}.image.source`],
    [saying({ image: { format: 'png', source: { bytes: 'no base64!' } } }), `${first}.image.source.bytes`],
    [saying({ image: { format: 'png', source: { bytes: '' } } }), `${first}.image.source.bytes`],
    [saying({ image: { format: 'png', source: { s3Location: {} } } }), `${first}.image.source.s3Location.uri`],
    [saying({ document: { format: 'pdf', source: { bytes: 'AAAA' } } }), `${first}.document.name`],
    [saying({ document: { name: 'n', source: { content: [{}] } } }), `${first}.document.source.content[0].text`],
    [saying({ document: { name: 'n', source: { text: 't' }, citations: { enabled: 'yes' } } }), `${first}.document.citations.enabled`],
    [saying({ cachePoint: { type: 'x' } }), `${first}.cachePoint.type`],
    [saying({ guardContent: {} }), `${first}.guardContent.text`],
    [saying(call), `${first}.toolUse`],
    [answering({ toolUse: { name: 'f', input: {} } }), 'messages[1].content[0].toolUse.toolUseId'],
    [answering({ toolUse: { toolUseId: 't', input: {} } }), 'messages[1].content[0].toolUse.name'],
    [answering({ toolUse: { toolUseId: 't', name: 'f', input: '{}' } }), 'messages[1].content[0].toolUse.input'],
    [answering({ reasoningContent: {} }), 'messages[1].content[0].reasoningContent.reasoningText'],
    [answering({ reasoningContent: { redactedContent: '!' } }), 'messages[1].content[0].reasoningContent.redactedContent'],
    [answering({ citationsContent: { content: 'a' } }), 'messages[1].content[0].citationsContent.content'],
    [saying({ toolResult: { toolUseId: 't', content: [] } }), `${first}.toolResult.toolUseId`],
    [resulting({ toolUseId: 'another' }), 'messages[2].content[0].toolResult.toolUseId'],
    [resulting({ content: 'x' }), 'messages[2].content[0].toolResult.content'],
    [resulting({ content: [call] }), 'messages[2].content[0].toolResult.content[0]'],
    [resulting({ status: 'done' }), 'messages[2].content[0].toolResult.status'],
    [{ messages, system: 's' }, 'system'],
    [{ messages, system: [{ image: {} }] }, 'system[0]'],
    [{ messages, inferenceConfig: [] }, 'inferenceConfig'],
    [{ messages, inferenceConfig: { maxTokens: 0 } }, 'inferenceConfig.maxTokens'],
    [{ messages, inferenceConfig: { temperature: 'hot' } }, 'inferenceConfig.temperature'],
    [{ messages, inferenceConfig: { stopSequences: 'END' } }, 'inferenceConfig.stopSequences'],
    [{ messages, toolConfig: {} }, 'toolConfig.tools'],
    [{ messages, toolConfig: { tools: [{}] } }, 'toolConfig.tools[0]'],
    [{ messages, toolConfig: { tools: [{ toolSpec: { inputSchema: { json: {} } } }] } }, 'toolConfig.tools[0].toolSpec.name'],
    [{ messages, toolConfig: { tools: [{ toolSpec: { name: 'f' } }] } }, 'toolConfig.tools[0].toolSpec.inputSchema'],
    [
      { messages, toolConfig: { tools: [{ toolSpec: { name: 'f', inputSchema: { json: '{}' } } }] } },
      'toolConfig.tools[0].toolSpec.inputSchema.json',
    ],
    [{ messages, toolConfig: { tools: [{ toolSpec }], toolChoice: {} } }, 'toolConfig.toolChoice'],
    [{ messages, toolConfig: { tools: [{ toolSpec }], toolChoice: { tool: {} } } }, 'toolConfig.toolChoice.tool.name'],
    [{ messages, additionalModelRequestFields: 'x' }, 'additionalModelRequestFields'],
    [{ messages, additionalModelResponseFieldPaths: '/x' }, 'additionalModelResponseFieldPaths'],
    [{ messages, serviceTier: 'flex' }, 'serviceTier'],
    [{ messages, serviceTier: {} }, 'serviceTier.type'],
    [{ messages, guardrailConfig: [] }, 'guardrailConfig'],
    [
      { messages, outputConfig: { textFormat: { structure: { jsonSchema: { schema: '{' } } } } },
      'outputConfig.textFormat.structure.jsonSchema.schema',
    ],
  ])('%j: %s', (body, param) => {
    const detail: unknown = expect.objectContaining({ param })
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'GW_INVALID_REQUEST', detail }))
  })
})
