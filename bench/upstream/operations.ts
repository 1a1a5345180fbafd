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
  [/\/model\/[^/]+\/invoke$/, () => bedrockEmbed],
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
  'bedrock-embed': (body) => (body.inputText || body.inputImage ? undefined : lacks(body, 'input_type')),
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
    const isOne = typeof input === 'string' || (Array.isArray(input) && typeof input[0] === 'number')
    const inputs = isOne ? [input] : ((input as unknown[] | undefined) ?? [''])
    const data = inputs.map((each, index) => {
      const floats = vectorOf(each, dimensions ?? size)
      return { object: 'embedding', index, embedding: encoding === 'base64' ? bytesOf(floats) : floats }
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
