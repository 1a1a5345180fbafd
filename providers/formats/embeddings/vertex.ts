import { type Embedding, type EmbedInput, type EmbedRequest, type EmbedResponse, floatsOf } from '../../../core/canonical/embed.ts'
import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, NamedByPath } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import { answerList, badAnswer, vector } from '../shared/answers.ts'
import { bad, boolean, list, object, optional, required, string, unknownFields } from '../shared/fields.ts'
import { count } from '../shared/usage.ts'
import { GOOGLE_PURPOSES } from './google-purposes.ts'
import { checkFilled, dimensions, lossesFor, own, pathLens, textsOnly } from './shared.ts'

const NAME = 'vertex-embed'
const KNOWN: ReadonlySet<string> = new Set(['instances', 'parameters', 'fallbacks'])
const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(['outputDimensionality', 'autoTruncate'])

/** Vertex AI's predict of text embedding models: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export function vertexEmbed(dialect: Format, module: string): Format {
  return defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check: (scan) => checkFilled(scan, 'instances') },
    outbound: { encodeRequest, decodeResponse },
    lens: pathLens({ texts: (scan) => textsIn(scan.value('instances')), usage: (data) => decodeUsage(parseObject(data)?.predictions) }),
  })
}

function decodeRequest(body: JsonObject, named?: NamedByPath): Decoded<EmbedRequest> {
  const instances = required(body.instances, 'instances', list)
  if (instances.length === 0) bad('instances', 'must not be empty')
  const each = instances.map((instance, index) => decodeInstance(object(instance, `instances[${index}]`), `instances[${index}]`))
  const [first] = each
  const odd = each.findIndex(({ task }) => task !== first?.task)
  const parameters = optional(body.parameters, 'parameters', object) ?? {}
  const truncates = optional(parameters.autoTruncate, 'parameters.autoTruncate', boolean)
  const purpose = first?.task === undefined ? undefined : GOOGLE_PURPOSES.decode(first.task)
  const more = unknownFields(parameters, KNOWN_PARAMETERS)
  const extra: JsonObject = { ...unknownFields(body, KNOWN), ...(more && { parameters: more }) }
  const request: EmbedRequest = {
    model: named?.model ?? '',
    inputs: each.map(({ input }) => input),
    dimensions: optional(parameters.outputDimensionality, 'parameters.outputDimensionality', dimensions),
    purpose,
    truncate: truncates === undefined ? undefined : truncates ? 'end' : 'none',
    extra: Object.keys(extra).length > 0 ? { [NAME]: extra } : undefined,
  }
  return { request: withoutUndefined(request), ...(odd > 0 && { ownOnly: [`instances[${odd}].task_type`] }) }
}

function decodeInstance(instance: JsonObject, param: string): { input: EmbedInput; task: string | undefined } {
  const task = optional(instance.task_type ?? instance.taskType, `${param}.task_type`, string)
  if (instance.content === undefined) return { input: { type: 'opaque', format: NAME, value: instance }, task }
  const title = optional(instance.title, `${param}.title`, string)
  const text = required(instance.content, `${param}.content`, string)
  return { input: { type: 'text', text, ...(title !== undefined && { title }) }, task }
}

function encodeRequest(request: EmbedRequest, options: EncodeOptions): EncodedRequest {
  const { inputs, purpose, truncate, dimensions: size } = request
  const losses = lossesFor(request, options, { purpose: true, title: true, truncate: ['none', 'end'] })
  const task = purpose && { task_type: GOOGLE_PURPOSES.encode(purpose) }
  const isOwn = inputs.some((input) => input.type === 'opaque' && input.format === NAME)
  const texts = isOwn ? [] : textsOnly(inputs, losses)
  const instances = isOwn
    ? inputs.map((input, index) => (input.type === 'opaque' ? input.value : losses.essential(`input[${index}]`)))
    : inputs.map((input, index) => ({
        content: texts[index],
        ...task,
        ...(input.type === 'text' && input.title !== undefined && { title: input.title }),
      }))
  const { parameters: more, ...rest } = own(request, NAME)
  const parameters: JsonObject = {
    ...(size !== undefined && { outputDimensionality: size }),
    ...((truncate === 'none' || truncate === 'end') && { autoTruncate: truncate === 'end' }),
    ...(isObject(more) && more),
  }
  const dropped = losses.names()
  return { body: { instances, ...(Object.keys(parameters).length > 0 && { parameters }), ...rest }, ...(dropped && { dropped }) }
}

function decodeResponse(body: JsonObject): EmbedResponse {
  const predictions = answerList(body.predictions, 'predictions')
  if (predictions.length === 0) badAnswer('"predictions" is empty')
  const embeddings = predictions.map((prediction) => {
    const told = isObject(prediction.embeddings) ? prediction.embeddings : {}
    return withoutUndefined<Embedding>({ float: vector(told.values, 'values'), tokens: tokensOf(prediction) })
  })
  const usage = decodeUsage(body.predictions)
  return { kind: 'embedding', model: '', embeddings, ...(usage && { usage }) }
}

/** Each vector tells its own tokens. */
function decodeUsage(predictions: Json | undefined): Usage | undefined {
  const counts = (Array.isArray(predictions) ? (predictions as readonly Json[]) : []).map(tokensOf)
  if (counts.every((tokens) => tokens === undefined)) return undefined
  return { inputTokens: counts.reduce<number>((sum, tokens) => sum + (tokens ?? 0), 0), outputTokens: 0 }
}

function tokensOf(prediction: Json): number | undefined {
  const told = isObject(prediction) && isObject(prediction.embeddings) ? prediction.embeddings.statistics : undefined
  return isObject(told) ? count(told.token_count) : undefined
}

/** Other providers tell the tokens of all inputs together. */
function encodeResponse({ embeddings, usage }: EmbedResponse): JsonObject {
  const alone = embeddings.length === 1 ? usage?.inputTokens : undefined
  const predictions = embeddings.map((embedding) => {
    const tokens = embedding.tokens ?? alone
    const values = floatsOf(embedding) ?? badAnswer('the provider sent no floats')
    return { embeddings: { values, ...(tokens !== undefined && { statistics: { token_count: tokens, truncated: false } }) } }
  })
  return { predictions }
}

function textsIn(instances: unknown): string[] {
  if (!Array.isArray(instances)) return []
  return (instances as readonly Json[]).flatMap((each) => (isObject(each) && typeof each.content === 'string' ? [each.content] : []))
}
