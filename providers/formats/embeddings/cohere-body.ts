import {
  base64Of,
  type Embedding,
  type EmbedInput,
  type EmbedPurpose,
  type EmbedRequest,
  type EmbedResponse,
  floatsOf,
  type VectorType,
} from '../../../core/canonical/embed.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { EncodeOptions } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { badAnswer, vector } from '../shared/answers.ts'
import { sourceFromUrl, toDataUrl } from '../shared/data-url.ts'
import { bad, filled, list, object, optional, type Read, required, string, strings, unknownFields, word } from '../shared/fields.ts'
import type { Losses } from '../shared/losses.ts'
import { dimensions, furtherTypes, looseTexts, lossesFor, own, wantsFloats } from './shared.ts'

/** The name of Cohere's own format, also of what only Cohere knows, wherever its models are hosted. */
export const COHERE = 'cohere-embed'

const TYPES = ['float', 'base64', 'int8', 'uint8', 'binary', 'ubinary'] as const
/** Those beside floats, and base64 that is made of them. */
const FURTHER: readonly VectorType[] = ['int8', 'uint8', 'binary', 'ubinary']
/** Cohere knows four; the nearest is taken for the others (decision D14). */
const PURPOSES: Readonly<Record<EmbedPurpose, string>> = {
  document: 'search_document',
  query: 'search_query',
  question: 'search_query',
  fact: 'search_query',
  code: 'search_query',
  classification: 'classification',
  clustering: 'clustering',
  similarity: 'clustering',
}
const BY_WORD = new Map<string, EmbedPurpose>([
  ['search_document', 'document'],
  ['search_query', 'query'],
  ['classification', 'classification'],
  ['clustering', 'clustering'],
])
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'texts',
  'images',
  'inputs',
  'input_type',
  'embedding_types',
  'output_dimension',
  'truncate',
  'fallbacks',
])

/** A body of Cohere's, without its model. `texts`: for answers that repeat them. `name`: whose corner unknown fields go into. */
export function decodeBody(body: JsonObject, name: string): { request: Omit<EmbedRequest, 'model'>; texts: string[] | undefined } {
  const extra: JsonObject = { ...unknownFields(body, KNOWN) }
  const purpose = optional(body.input_type, 'input_type', filled)
  const known = purpose === undefined ? undefined : BY_WORD.get(purpose)
  if (purpose !== undefined && known === undefined) extra.input_type = purpose
  const truncate = optional(body.truncate, 'truncate', word('NONE', 'START', 'END'))
  const request = withoutUndefined<Omit<EmbedRequest, 'model'>>({
    inputs: decodeInputs(body),
    dimensions: optional(body.output_dimension, 'output_dimension', dimensions),
    types: optional(body.embedding_types, 'embedding_types', readTypes),
    purpose: known,
    truncate: truncate && (truncate.toLowerCase() as 'none' | 'start' | 'end'),
    extra: Object.keys(extra).length > 0 ? { [name]: extra } : undefined,
  })
  return { request, texts: optional(body.texts, 'texts', strings) }
}

const readTypes: Read<VectorType[]> = (value, param) => {
  const types = list(value, param).map((type, index) => word(...TYPES)(type, `${param}[${index}]`))
  return types.length > 0 ? [...new Set(types)] : bad(param, 'must not be empty')
}

function decodeInputs(body: JsonObject): EmbedInput[] {
  const texts = optional(body.texts, 'texts', strings) ?? []
  const images = optional(body.images, 'images', strings) ?? []
  const inputs = optional(body.inputs, 'inputs', list) ?? []
  const decoded = [
    ...texts.map((each): EmbedInput => ({ type: 'text', text: each })),
    ...images.map((url, index) => decodeImage(url, `images[${index}]`)),
    ...inputs.map((input, index) => decodeInput(input, `inputs[${index}]`)),
  ]
  return decoded.length > 0 ? decoded : bad('texts', 'must not be empty, unless there are images or inputs')
}

function decodeImage(url: string, param: string): EmbedInput {
  return { type: 'image', source: sourceFromUrl(url) ?? bad(param, 'is no data URL') }
}

/** A mixture of texts and images is one vector, which only Cohere makes. */
function decodeInput(value: Json, param: string): EmbedInput {
  const input = object(value, param)
  const content = required(input.content, `${param}.content`, list)
  if (content.length === 0) return bad(`${param}.content`, 'must not be empty')
  const [first] = content
  if (content.length > 1 || !isObject(first)) return { type: 'opaque', format: COHERE, value: input }
  if (first.type === 'text') return { type: 'text', text: required(first.text, `${param}.content[0].text`, string) }
  const url = isObject(first.image_url) ? first.image_url.url : undefined
  return typeof url === 'string'
    ? decodeImage(url, `${param}.content[0].image_url.url`)
    : bad(`${param}.content[0]`, 'must be a text or an image_url')
}

/** A body of Cohere's, without its model. What a vector is for must be said; documents are what is meant where nothing is. */
export function encodeBody(
  request: EmbedRequest,
  options: EncodeOptions,
  name: string,
): { body: JsonObject; dropped: string[] | undefined } {
  const losses = lossesFor(request, options, { types: FURTHER, purpose: true, truncate: ['none', 'start', 'end'] })
  const types = [...(wantsFloats(request) ? ['float'] : []), ...furtherTypes(request, FURTHER)]
  const body: JsonObject = {
    input_type: PURPOSES[request.purpose ?? 'document'],
    ...encodeInputs(request.inputs, losses),
    embedding_types: types,
    ...(request.dimensions !== undefined && { output_dimension: request.dimensions }),
    ...(request.truncate !== undefined && { truncate: request.truncate.toUpperCase() }),
    ...own(request, COHERE),
    ...own(request, name),
  }
  return { body, dropped: losses.names() }
}

function encodeInputs(inputs: readonly EmbedInput[], losses: Losses): JsonObject {
  if (inputs.every((input) => input.type === 'text')) return { texts: inputs.map(({ text }) => text) }
  if (inputs.length === 1 && inputs[0]?.type === 'image') return { images: [imageUrl(inputs[0], 'input[0]', losses)], input_type: 'image' }
  return { inputs: inputs.map((input, index) => encodeInput(input, `input[${index}]`, losses)) }
}

function encodeInput(input: EmbedInput, param: string, losses: Losses): JsonObject {
  if (input.type === 'text') return { content: [{ type: 'text', text: input.text }] }
  if (input.type === 'image') return { content: [{ type: 'image_url', image_url: { url: imageUrl(input, param, losses) } }] }
  return input.type === 'opaque' && input.format === COHERE ? input.value : losses.essential(param)
}

function imageUrl({ source }: Extract<EmbedInput, { type: 'image' }>, param: string, losses: Losses): string {
  if (source.kind === 'data') return toDataUrl(source.mediaType, source.data)
  return source.kind === 'url' ? source.url : losses.essential(param)
}

/** Vectors by type, or the plain list that hosts of Cohere's models write where no types were asked for. */
export function decodeEmbeddings({ embeddings }: JsonObject): Embedding[] {
  if (Array.isArray(embeddings)) return embeddings.map((each: Json) => ({ float: vector(each, 'embeddings') }))
  if (!isObject(embeddings)) return badAnswer('"embeddings" is missing')
  const decoded: Embedding[] = []
  for (const type of TYPES) {
    const vectors = embeddings[type]
    if (!Array.isArray(vectors)) continue
    for (const [index, value] of vectors.entries() as IterableIterator<[number, Json]>)
      decoded[index] = { ...decoded[index], [type]: typeof value === 'string' ? value : vector(value, `embeddings.${type}`) }
  }
  return decoded.length > 0 ? decoded : badAnswer('"embeddings" has no vectors')
}

/** Vectors by the types that were asked for; as they came where none were named. */
export function encodeEmbeddings({ embeddings }: EmbedResponse, types: readonly VectorType[] | undefined): JsonObject {
  const wanted = types ?? TYPES.filter((type) => embeddings[0]?.[type] !== undefined)
  return Object.fromEntries(wanted.map((type) => [type, embeddings.map((embedding) => vectorOf(embedding, type))]))
}

function vectorOf(embedding: Embedding, type: VectorType): Json {
  const found = type === 'float' ? floatsOf(embedding) : type === 'base64' ? base64Of(embedding) : embedding[type]
  return found ?? badAnswer(`the provider sent no vectors of type ${type}`)
}

/** The texts of a body. */
export function cohereTexts(scan: Scan): string[] {
  const inputs = scan.value('inputs')
  const contents = (Array.isArray(inputs) ? inputs : []).flatMap((input) => (isObject(input) ? input.content : []))
  return [...looseTexts(scan.value('texts')), ...contents.flatMap((part) => (isObject(part) ? looseTexts(part.text) : []))]
}
