import type { Embedding, EmbedInput, EmbedPurpose, EmbedRequest, EmbedResponse } from '../../../core/canonical/embed.ts'
import { floatsOf } from '../../../core/canonical/embed.ts'
import { isObject, type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { EncodeOptions } from '../../../core/format.ts'
import { answerList, badAnswer, vector } from '../shared/answers.ts'
import { bad, base64, filled, object, optional, required, unknownFields, word } from '../shared/fields.ts'
import type { Losses } from '../shared/losses.ts'
import { dimensions, lossesFor, own } from './shared.ts'

/** The field that all of Nova's bodies have. */
export const NOVA_FIELD = 'singleEmbeddingParams'

const TASK = 'SINGLE_EMBEDDING'
const VERSION = 'nova-multimodal-embed-v1'
const CONTENTS = ['text', 'image', 'audio', 'video']
const KNOWN: ReadonlySet<string> = new Set(['embeddingPurpose', 'embeddingDimension', ...CONTENTS])
/** Nova tells what is searched for; who does not say it means any of it. */
const PURPOSES: Readonly<Record<EmbedPurpose, string>> = {
  document: 'GENERIC_INDEX',
  query: 'GENERIC_RETRIEVAL',
  question: 'GENERIC_RETRIEVAL',
  fact: 'GENERIC_RETRIEVAL',
  code: 'GENERIC_RETRIEVAL',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  similarity: 'CLUSTERING',
}
const WORDS = new Map<string, EmbedPurpose>([
  ['GENERIC_INDEX', 'document'],
  ['GENERIC_RETRIEVAL', 'query'],
  ['CLASSIFICATION', 'classification'],
  ['CLUSTERING', 'clustering'],
])
const FORMATS = ['png', 'jpeg', 'gif', 'webp'] as const

/** Where a body of Nova's cannot be right. */
export function checkNova(task: unknown, params: unknown): void {
  if (task !== TASK) bad('taskType', `must be ${TASK}: what InvokeModel answers at once`)
  contentOf(params as Json)
}

/** The one thing that is to be embedded: `[kind, what]`. */
function contentOf(value: Json | undefined): [string, JsonObject] {
  const params = required(value, NOVA_FIELD, object)
  const given = CONTENTS.filter((name) => params[name] !== undefined)
  const [kind, second] = given
  if (kind === undefined) return bad(NOVA_FIELD, `must have one of ${CONTENTS.join(', ')}`)
  if (second !== undefined) return bad(`${NOVA_FIELD}.${second}`, `is one too many beside ${kind}`)
  return [kind, object(params[kind] as Json, `${NOVA_FIELD}.${kind}`)]
}

/** A body of Nova's, without its model: https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html. `name`: whose corner unknown fields go into. */
export function decodeNova(body: JsonObject, name: string): Omit<EmbedRequest, 'model'> {
  const [kind, content] = contentOf(body[NOVA_FIELD])
  const params = object(body[NOVA_FIELD] as Json, NOVA_FIELD)
  const extra: JsonObject = { ...unknownFields(params, KNOWN) }
  const purpose = optional(params.embeddingPurpose, `${NOVA_FIELD}.embeddingPurpose`, filled)
  // What is searched for among things of one kind alone.
  if (purpose !== undefined && !WORDS.has(purpose)) extra.embeddingPurpose = purpose
  const cut =
    kind === 'text' ? optional(content.truncationMode, `${NOVA_FIELD}.text.truncationMode`, word('START', 'END', 'NONE')) : undefined
  return withoutUndefined<Omit<EmbedRequest, 'model'>>({
    inputs: [decodeContent(kind, content, name)],
    dimensions: optional(params.embeddingDimension, `${NOVA_FIELD}.embeddingDimension`, dimensions),
    purpose: purpose === undefined ? undefined : (WORDS.get(purpose) ?? 'query'),
    truncate: cut && (cut.toLowerCase() as 'start' | 'end' | 'none'),
    extra: Object.keys(extra).length > 0 ? { [name]: extra } : undefined,
  })
}

/** Sounds, films, and what lies in S3, are Nova's alone. */
function decodeContent(kind: string, content: JsonObject, format: string): EmbedInput {
  const opaque: EmbedInput = { type: 'opaque', format, value: { [kind]: content } }
  const at = `${NOVA_FIELD}.${kind}`
  if (kind === 'text' && content.source === undefined) return { type: 'text', text: required(content.value, `${at}.value`, filled) }
  if (kind !== 'image') return opaque
  const bytes = optional(required(content.source, `${at}.source`, object).bytes, `${at}.source.bytes`, base64)
  if (bytes === undefined) return opaque
  const type = required(content.format, `${at}.format`, word(...FORMATS))
  return { type: 'image', source: { kind: 'data', mediaType: `image/${type}`, data: bytes } }
}

/** A body of Nova's, without its model. It takes one input: a second one is refused by name. */
export function encodeNova(
  request: EmbedRequest,
  options: EncodeOptions,
  name: string,
): { body: JsonObject; dropped: string[] | undefined } {
  const losses = lossesFor(request, options, { purpose: true, truncate: ['none', 'start', 'end'] })
  const [input, second] = request.inputs
  if (second !== undefined) losses.essential('input[1]')
  const params = {
    embeddingPurpose: PURPOSES[request.purpose ?? 'document'],
    ...(request.dimensions !== undefined && { embeddingDimension: request.dimensions }),
    ...encodeContent(input, request, { losses, name }),
    ...own(request, name),
  }
  return { body: { schemaVersion: VERSION, taskType: TASK, [NOVA_FIELD]: params }, dropped: losses.names() }
}

/** Texts must say where they may be cut: nowhere, unless the client said it. */
function encodeContent(
  input: EmbedInput | undefined,
  { truncate = 'none' }: EmbedRequest,
  { losses, name }: { losses: Losses; name: string },
): JsonObject {
  if (input?.type === 'text') return { text: { truncationMode: truncate.toUpperCase(), value: input.text } }
  if (input?.type === 'opaque' && input.format === name) return input.value
  if (input?.type !== 'image' || input.source.kind !== 'data') return losses.essential('input[0]')
  const { mediaType, data } = input.source
  const format = FORMATS.find((each) => mediaType === `image/${each}`) ?? 'jpeg'
  return { image: { format, source: { bytes: data } } }
}

/** Whether an answer is Nova's, whose vectors say of what they are. */
export function isNovaAnswer({ embeddings }: JsonObject): boolean {
  return Array.isArray(embeddings) && isObject(embeddings[0])
}

/** The vectors of an answer of Nova's. Throws GW_UPSTREAM_INVALID. */
export function decodeNovaEmbeddings(body: JsonObject): Embedding[] {
  return answerList(body.embeddings, 'embeddings').map(({ embedding }) => ({ float: vector(embedding, 'embeddings[].embedding') }))
}

/** An answer of Nova's. `kind`: of what the vector is, in its words. */
export function encodeNovaAnswer({ embeddings: [embedding = {}] }: EmbedResponse, kind: unknown): JsonObject {
  const floats = floatsOf(embedding) ?? badAnswer('the provider sent no floats')
  return { embeddings: [{ embeddingType: typeof kind === 'string' ? kind : 'TEXT', embedding: floats }] }
}

/** Of what a request's vector will be, in the words of Nova's answers. */
export function novaKind(body: JsonObject): string {
  return contentOf(body[NOVA_FIELD])[0].toUpperCase()
}

/** The text of a body. */
export function novaText(params: unknown): unknown {
  const text = isObject(params) ? params.text : undefined
  return isObject(text) ? text.value : undefined
}
