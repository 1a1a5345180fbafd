import type { Embedding, EmbedRequest, EmbedResponse } from '../../../core/canonical/embed.ts'
import type { Json, JsonObject } from '../../../core/canonical/json.ts'
import type { EncodedRequest, EncodeOptions, Format } from '../../../core/format.ts'
import { defineOperationFormat } from '../../../core/operation-format.ts'
import { badAnswer, vector } from '../shared/answers.ts'
import { pathLens } from '../shared/lenses.ts'
import { lossesFor, textsOnly } from './shared.ts'

const NAME = 'huggingface-features'
/** The answer is a list of vectors and nothing else. */
const LIST = 'vectors'

/** Feature extraction of Hugging Face's own inference, for the provider alone: https://huggingface.co/docs/inference-providers/tasks/feature-extraction */
export function huggingfaceFeatures(dialect: Format, module: string): Format {
  return defineOperationFormat<EmbedRequest, EmbedResponse>({
    name: NAME,
    module,
    dialect,
    listAs: LIST,
    outbound: { encodeRequest, decodeResponse },
    lens: pathLens({ texts: () => [], usage: () => undefined }),
  })
}

function encodeRequest(request: EmbedRequest, options: EncodeOptions): EncodedRequest {
  const { truncate, normalize } = request
  const losses = lossesFor(request, options, { truncate: ['none', 'start', 'end'], normalize: true })
  losses.meaning('dimensions', request.dimensions !== undefined)
  const body: JsonObject = {
    inputs: textsOnly(request.inputs, losses),
    ...(normalize !== undefined && { normalize }),
    ...(truncate !== undefined && { truncate: truncate !== 'none' }),
    ...(truncate === 'start' && { truncation_direction: 'left' }),
  }
  const dropped = losses.names()
  return { body, ...(dropped && { dropped }) }
}

/** A vector for each text; models that give one for each token of it are not for embedding. */
function decodeResponse(body: JsonObject): EmbedResponse {
  const list = body[LIST]
  if (!Array.isArray(list) || list.length === 0) return badAnswer('the answer is no list of vectors')
  const embeddings = (list as readonly Json[]).map((each): Embedding => ({ float: vector(each, LIST) }))
  return { kind: 'embedding', model: '', embeddings }
}
