import type { EmbedRequest, EmbedResponse } from '../../../core/canonical/embed.ts'
import { isObject, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { EncodedRequest, EncodeOptions, Format, ReplyOptions } from '../../../core/format.ts'
import { type Decoded, defineOperationFormat } from '../../../core/operation-format.ts'
import type { Scan } from '../../../core/scan.ts'
import { bad, optional, string } from '../shared/fields.ts'
import { text } from '../shared/openai-text.ts'
import { count } from '../shared/usage.ts'
import { COHERE, cohereTexts, decodeBody, decodeEmbeddings, encodeBody, encodeEmbeddings } from './cohere-body.ts'
import { checkFilled, topLens, typesIn } from './shared.ts'

const NAME = COHERE

/** Cohere's second embed API: https://docs.cohere.com/reference/embed */
export function cohereEmbed(dialect: Format, module: string): Format {
  return defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    inbound: { decodeRequest, encodeResponse, check },
    outbound: { encodeRequest, decodeResponse },
    lens: topLens({ texts: cohereTexts, usage: (data) => (data.includes('"meta"') ? decodeUsage(parseObject(data)?.meta) : undefined) }),
  })
}

function check(scan: Scan): void {
  const given = ['texts', 'images', 'inputs'].filter((name) => scan.spans.has(name) && scan.value(name) !== null)
  if (given.length === 0) bad('texts', 'is required, or images, or inputs')
  for (const name of given) checkFilled(scan, name)
}

function decodeRequest(body: JsonObject): Decoded<EmbedRequest> {
  const { request, texts } = decodeBody(body, NAME)
  const model = optional(body.model, 'model', string) ?? ''
  return { request: { model, ...request }, carry: { types: [...(request.types ?? ['float'])], ...(texts && { texts }) } }
}

function encodeRequest(request: EmbedRequest, options: EncodeOptions): EncodedRequest {
  const { body, dropped } = encodeBody(request, options, NAME)
  return { body: { model: request.model, ...body }, ...(dropped && { dropped }) }
}

function decodeResponse(body: JsonObject): EmbedResponse {
  const usage = decodeUsage(body.meta)
  return withoutUndefined<EmbedResponse>({ kind: 'embedding', id: text(body.id), model: '', embeddings: decodeEmbeddings(body), usage })
}

/** What is billed stands in `meta`. */
function decodeUsage(meta: unknown): Usage | undefined {
  const billed = isObject(meta) && isObject(meta.billed_units) ? meta.billed_units : undefined
  const tokens = count(billed?.input_tokens)
  const images = count(billed?.image_tokens)
  if (!isObject(meta) || (tokens === undefined && images === undefined)) return undefined
  return { inputTokens: (tokens ?? 0) + (images ?? 0), outputTokens: 0, raw: { format: NAME, value: meta } }
}

function encodeResponse(response: EmbedResponse, { id, carry }: ReplyOptions): JsonObject {
  const { usage } = response
  const meta = { api_version: { version: '2' }, billed_units: { input_tokens: usage?.inputTokens ?? 0 } }
  return {
    id: response.id ?? id,
    embeddings: encodeEmbeddings(response, typesIn(carry)),
    ...(Array.isArray(carry?.texts) && { texts: carry.texts }),
    meta: usage?.raw?.format === NAME ? usage.raw.value : meta,
    response_type: 'embeddings_by_type',
  }
}
