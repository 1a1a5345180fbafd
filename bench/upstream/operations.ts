import { anthropicMessages } from './anthropic-messages.ts'
import { bedrockConverse } from './bedrock-converse.ts'
import { cohereChat } from './cohere-chat.ts'
import type { AnswerOptions, Dialect } from './dialect.ts'
import { gemini } from './gemini.ts'
import { openaiChat } from './openai-chat.ts'

type Body = NonNullable<AnswerOptions['body']>

/** Where each operation without streams is asked for, and the dialect that answers. The first that fits counts. */
const PLACES: readonly (readonly [path: RegExp, dialect: () => Dialect])[] = [
  [/\/v1\/embeddings$|\/deployments\/[^/]+\/embeddings$/, () => openaiEmbeddings],
  [/\/v2\/embed$/, () => cohereEmbed],
  [/:(?:embedContent|batchEmbedContents)$/, () => geminiEmbed],
  [/:predict$/, () => vertexEmbed],
  [/\/model\/[^/]*(?:embed|-e1)[^/]*\/invoke$/, () => bedrockEmbed],
  [/\/pipeline\/feature-extraction$/, () => features],
  [/\/v1\/rerank$/, () => rerank],
  [/\/v2\/rerank$/, () => cohereRerank],
  [/^\/rerank$/, () => bedrockRerank],
  [/:rank$/, () => vertexRank],
  [/\/responses\/input_tokens$/, () => openaiCount],
  [/\/messages\/count_tokens$|\/models\/count-tokens:rawPredict$/, () => anthropicCount],
  [/:countTokens$/, () => geminiCount],
  [/\/count-tokens$/, () => bedrockCount],
  [/\/v1\/tokenize$/, () => cohereCount],
]

/** The dialect of a path of an operation without streams; undefined for every other path. */
export function operationAt(path: string): Dialect | undefined {
  return PLACES.find(([place]) => place.test(path))?.[1]()
}

/** Why the vendor would refuse the body of an operation; undefined where it would not, or the dialect is one of chat. */
export function operationProblem(dialect: Dialect['name'], body: Body): string | undefined {
  return PROBLEMS[dialect]?.(body)
}

/** Whether the dialect is one of an operation without streams. */
export function isOperation(dialect: Dialect['name']): boolean {
  return dialect in PROBLEMS
}

const lacks = (body: Body, ...names: string[]): string | undefined => {
  const missing = names.find((name) => body[name] === undefined || (Array.isArray(body[name]) && (body[name] as unknown[]).length === 0))
  return missing === undefined ? undefined : `${missing} is required`
}
const unknown = (body: Body, ...names: string[]): string | undefined => {
  const odd = Object.keys(body).find((name) => !names.includes(name))
  return odd === undefined ? undefined : `unknown field ${odd}`
}

const PROBLEMS: Partial<Record<Dialect['name'], (body: Body) => string | undefined>> = {
  'openai-embeddings': (body) => lacks(body, 'model', 'input'),
  'cohere-embed': (body) =>
    lacks(body, 'model', 'input_type') ?? (body.texts || body.images || body.inputs ? undefined : 'texts is required'),
  'gemini-embed': (body) =>
    lacks(body, 'requests' in body ? 'requests' : 'content') ??
    (listOf(body.requests).every(({ model }) => /^models\/[^/]+$/.test(String(model))) ? undefined : 'requests[].model does not match'),
  'vertex-embed': (body) => lacks(body, 'instances') ?? unknown(body, 'instances', 'parameters'),
  'openai-count': (body) => lacks(body, 'model', 'input') ?? answerField(body, 'max_output_tokens', 'stream', 'temperature', 'store'),
  'anthropic-count': (body) =>
    lacks(body, 'model', 'messages') ?? answerField(body, 'max_tokens', 'stream', 'temperature', 'anthropic_version'),
  'gemini-count': (body) => unknown(body, 'contents', 'generateContentRequest', 'systemInstruction', 'tools', 'generationConfig'),
  'bedrock-count': (body) => lacks(body, 'input') ?? unknown(body, 'input'),
  'cohere-count': (body) => lacks(body, 'model', 'text'),
  features: (body) => lacks(body, 'inputs') ?? unknown(body, 'inputs', 'normalize', 'truncate', 'truncation_direction', 'prompt_name'),
  rerank: (body) => lacks(body, 'model', 'query', 'documents') ?? notTexts(body.documents),
  'cohere-rerank': (body) => lacks(body, 'model', 'query', 'documents') ?? notTexts(body.documents),
  'bedrock-rerank': (body) => lacks(body, 'queries', 'sources', 'rerankingConfiguration'),
  'vertex-rank': (body) =>
    lacks(body, 'query', 'records') ?? unknown(body, 'model', 'query', 'records', 'topN', 'ignoreRecordDetailsInResponse', 'userLabels'),
  'bedrock-embed': (body) => {
    if (body.singleEmbeddingParams) return lacks(body, 'taskType') ?? lacks(body.singleEmbeddingParams as Body, 'embeddingPurpose')
    return body.inputText || body.inputImage ? undefined : lacks(body, 'input_type')
  },
}

/** Counts refuse what is about the answer. */
function answerField(body: Body, ...names: string[]): string | undefined {
  const odd = names.find((name) => body[name] !== undefined)
  return odd === undefined ? undefined : `${odd}: Extra inputs are not permitted`
}

function notTexts(documents: unknown): string | undefined {
  return (documents as unknown[]).every((document) => typeof document === 'string') ? undefined : 'documents must be strings'
}

function listOf(value: unknown): readonly Body[] {
  return Array.isArray(value) ? (value as Body[]) : []
}

/** A vector that tells the text it is of: floats of 32 bits can hold its numbers. */
export function vectorOf(text: unknown, size: unknown = 4): number[] {
  const { length } = String(text)
  return Array.from({ length: Number(size) }, (_, index) => (length + index) / 1024)
}

const TOKENS = 5
const bytesOf = (floats: readonly number[]): string => Buffer.from(new Float32Array(floats).buffer).toString('base64')
const small = (floats: readonly number[]): number[] => floats.map((value) => Math.round(value * 100))

/** OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings/create */
const openaiEmbeddings: Dialect = {
  ...openaiChat,
  name: 'openai-embeddings',
  whole(_, { model, body = {} }) {
    const { input, dimensions, output_dimension: size, encoding_format: encoding } = body
    // As servers do that know no base64.
    const writes = encoding === 'base64' && model !== 'floats-only' ? bytesOf : (floats: readonly number[]) => floats
    const isOne = typeof input === 'string' || (Array.isArray(input) && typeof input[0] === 'number')
    const inputs = isOne ? [input] : ((input as unknown[] | undefined) ?? [''])
    const data = inputs.map((each, index) => {
      const floats = vectorOf(each, dimensions ?? size)
      return { object: 'embedding', index, embedding: writes(floats) }
    })
    const tokens = inputs.length * TOKENS
    return JSON.stringify({ object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } })
  },
}

const cohereVectors = (floats: readonly number[][], types: unknown): Record<string, unknown> => {
  const made: Record<string, (vector: readonly number[]) => unknown> = { float: (vector) => vector, base64: bytesOf }
  const wanted = (types as string[] | undefined) ?? ['float']
  return Object.fromEntries(wanted.map((type) => [type, floats.map(made[type] ?? small)]))
}

function cohereTexts({ texts, images, inputs }: Body): unknown[] {
  const contents = listOf(inputs).map(({ content }) => JSON.stringify(content))
  return [...((texts as unknown[]) ?? []), ...((images as unknown[]) ?? []), ...contents]
}

/** Cohere's second embed API: https://docs.cohere.com/reference/embed */
const cohereEmbed: Dialect = {
  ...cohereChat,
  name: 'cohere-embed',
  whole(_, { body = {} }) {
    const texts = cohereTexts(body)
    const floats = texts.map((text) => vectorOf(text, body.output_dimension as number))
    return JSON.stringify({
      id: 'fake-1',
      embeddings: cohereVectors(floats, body.embedding_types),
      texts,
      meta: { api_version: { version: '2' }, billed_units: { input_tokens: texts.length * TOKENS } },
      response_type: 'embeddings_by_type',
    })
  },
}

function textOf(content: unknown): string {
  return listOf((content as Body | undefined)?.parts)
    .map(({ text }) => String(text))
    .join('\n')
}

/** Gemini's embedContent and batchEmbedContents: https://ai.google.dev/api/embeddings */
const geminiEmbed: Dialect = {
  ...gemini,
  name: 'gemini-embed',
  whole(_, { body = {} }) {
    const one = (request: Body): unknown => ({ values: vectorOf(textOf(request.content), request.outputDimensionality as number) })
    return JSON.stringify(body.requests === undefined ? { embedding: one(body) } : { embeddings: listOf(body.requests).map(one) })
  },
}

/** Vertex AI's predict: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
const vertexEmbed: Dialect = {
  ...gemini,
  name: 'vertex-embed',
  whole(_, { body = {} }) {
    const size = (body.parameters as Body | undefined)?.outputDimensionality
    const predictions = listOf(body.instances).map(({ content }) => ({
      embeddings: { values: vectorOf(content, size), statistics: { token_count: TOKENS, truncated: false } },
    }))
    return JSON.stringify({ predictions })
  },
}

/** InvokeModel of Titan and of Cohere's models, told by their bodies. */
const bedrockEmbed: Dialect = {
  ...bedrockConverse,
  name: 'bedrock-embed',
  whole(content, options) {
    const { body = {} } = options
    const params = body.singleEmbeddingParams as Body | undefined
    if (params) {
      const { value } = (params.text ?? {}) as Body
      const { source } = (params.image ?? {}) as Body
      const embedding = vectorOf(value ?? (source as Body | undefined)?.bytes, params.embeddingDimension as number)
      return JSON.stringify({ embeddings: [{ embeddingType: params.text ? 'TEXT' : 'IMAGE', embedding }] })
    }
    if (body.inputText === undefined && body.inputImage === undefined) {
      const { embeddings, ...rest } = JSON.parse(cohereEmbed.whole(content, options)) as Body
      const plain = (embeddings as Body).float
      const isTyped = body.embedding_types !== undefined
      return JSON.stringify({
        ...rest,
        embeddings: isTyped ? embeddings : plain,
        response_type: isTyped ? 'embeddings_by_type' : 'embeddings_floats',
      })
    }
    const embedding = vectorOf(body.inputText ?? body.inputImage, body.dimensions)
    const types = (body.embeddingTypes as string[] | undefined) ?? ['float']
    const byType = Object.fromEntries(types.map((type) => [type, type === 'float' ? embedding : small(embedding)]))
    return JSON.stringify({ ...(types.includes('float') && { embedding }), embeddingsByType: byType, inputTextTokenCount: TOKENS })
  },
}

/** Feature extraction of Hugging Face: a list of vectors. */
const features: Dialect = {
  ...openaiChat,
  name: 'features',
  whole: (_, { body = {} }) => JSON.stringify(((body.inputs as unknown[] | undefined) ?? []).map((text) => vectorOf(text))),
}

interface Ranked {
  index: number
  score: number
}

/** Documents by how many words of the query they have, as a share. */
function ranked(query: unknown, texts: readonly unknown[], most: unknown): Ranked[] {
  const words = String(query).toLowerCase().split(/\s+/)
  const scored = texts.map((text, index) => {
    const lower = String(text).toLowerCase()
    return { index, score: words.filter((word) => lower.includes(word)).length / words.length }
  })
  return scored.sort((left, right) => right.score - left.score || left.index - right.index).slice(0, Number(most ?? texts.length))
}

/** Jina's form, as vLLM has it: documents come back unasked. */
const rerank: Dialect = {
  ...openaiChat,
  name: 'rerank',
  whole(_, { model, body = {} }) {
    const documents = (body.documents as unknown[] | undefined) ?? []
    const results = ranked(body.query, documents, body.top_n).map(({ index, score }) => ({
      index,
      document: { text: documents[index] },
      relevance_score: score,
    }))
    return JSON.stringify({ id: 'fake-1', model, usage: { total_tokens: 9 }, results })
  },
}

/** Cohere's second rerank API: https://docs.cohere.com/reference/rerank */
const cohereRerank: Dialect = {
  ...cohereChat,
  name: 'cohere-rerank',
  whole(_, { body = {} }) {
    const results = ranked(body.query, (body.documents as unknown[] | undefined) ?? [], body.top_n)
    return JSON.stringify({
      id: 'fake-1',
      results: results.map(({ index, score }) => ({ index, relevance_score: score })),
      meta: { api_version: { version: '2' }, billed_units: { search_units: 1 } },
    })
  },
}

/** Rerank of the agent runtime: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html */
const bedrockRerank: Dialect = {
  ...bedrockConverse,
  name: 'bedrock-rerank',
  whole(_, { body = {} }) {
    const [query] = listOf(body.queries)
    const settings = ((body.rerankingConfiguration as Body | undefined)?.bedrockRerankingConfiguration as Body | undefined) ?? {}
    const texts = listOf(body.sources).map((source) => JSON.stringify(source.inlineDocumentSource))
    const results = ranked((query?.textQuery as Body | undefined)?.text, texts, settings.numberOfResults)
    return JSON.stringify({ results: results.map(({ index, score }) => ({ index, relevanceScore: score })) })
  },
}

/** Vertex AI Search's ranking: records by their ids. */
const vertexRank: Dialect = {
  ...gemini,
  name: 'vertex-rank',
  whole(_, { body = {} }) {
    const records = listOf(body.records)
    const texts = records.map(({ title = '', content = '' }) => `${String(title)} ${String(content)}`)
    const results = ranked(body.query, texts, body.topN)
    const shown = (record: Body | undefined): Body => (body.ignoreRecordDetailsInResponse ? { id: record?.id } : { ...record })
    return JSON.stringify({ records: results.map(({ index, score }) => ({ ...shown(records[index]), score })) })
  },
}

const SAID = new Set(['text', 'content', 'input', 'instructions', 'system'])

/** Words of all texts of a conversation, whatever the dialect. */
export function wordsIn(value: unknown, name = ''): number {
  if (typeof value === 'string') return SAID.has(name) ? value.split(/\s+/).filter(Boolean).length : 0
  if (typeof value !== 'object' || value === null) return 0
  const inherited = Array.isArray(value) ? name : ''
  return Object.entries(value).reduce((sum, [key, each]) => sum + wordsIn(each, inherited || key), 0)
}

function counting(dialect: Dialect, name: Dialect['name'], write: (words: number, body: Body) => unknown): Dialect {
  return { ...dialect, name, whole: (_, { body = {} }) => JSON.stringify(write(wordsIn(body), body)) }
}

const openaiCount = counting(openaiChat, 'openai-count', (words) => ({ object: 'response.input_tokens', input_tokens: words }))
const anthropicCount = counting(anthropicMessages, 'anthropic-count', (words) => ({ input_tokens: words }))
const geminiCount = counting(gemini, 'gemini-count', (words) => ({
  totalTokens: words,
  promptTokensDetails: [{ modality: 'TEXT', tokenCount: words }],
}))
const bedrockCount = counting(bedrockConverse, 'bedrock-count', (words) => ({ inputTokens: words }))
const cohereCount = counting(cohereChat, 'cohere-count', (words, { text }) => ({
  tokens: Array.from({ length: words }, (_, index) => index + 1),
  token_strings: String(text).split(/\s+/),
  meta: { api_version: { version: '1' } },
}))
