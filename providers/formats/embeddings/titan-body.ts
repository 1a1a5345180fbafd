import type { EmbedInput, EmbedRequest, VectorType } from '../../../core/canonical/embed.ts'
import { type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { EncodeOptions } from '../../../core/format.ts'
import { bad, base64, boolean, list, object, optional, type Read, string, unknownFields, word } from '../shared/fields.ts'
import type { Losses } from '../shared/losses.ts'
import { dimensions, furtherTypes, lossesFor, own, wantsFloats } from './shared.ts'

const KNOWN: ReadonlySet<string> = new Set(['inputText', 'inputImage', 'dimensions', 'normalize', 'embeddingTypes', 'fallbacks'])
const TYPES = ['float', 'binary'] as const
/** The media type of a picture is not told. */
const SOME_IMAGE = 'image/png'

/** A body of Titan's, without its model. `name`: whose corner unknown fields go into. */
export function decodeTitan(body: JsonObject, name: string): Omit<EmbedRequest, 'model'> {
  const extra: JsonObject = { ...unknownFields(body, KNOWN) }
  const text = optional(body.inputText, 'inputText', string)
  const image = optional(body.inputImage, 'inputImage', base64)
  if (text !== undefined && image !== undefined) extra.inputText = text
  const config = optional(body.embeddingConfig, 'embeddingConfig', object)
  const size = optional(config?.outputEmbeddingLength, 'embeddingConfig.outputEmbeddingLength', dimensions)
  return withoutUndefined<Omit<EmbedRequest, 'model'>>({
    inputs: [
      image === undefined
        ? { type: 'text', text: text ?? '' }
        : { type: 'image', source: { kind: 'data', mediaType: SOME_IMAGE, data: image } },
    ],
    dimensions: optional(body.dimensions, 'dimensions', dimensions) ?? size,
    normalize: optional(body.normalize, 'normalize', boolean),
    types: optional(body.embeddingTypes, 'embeddingTypes', readTypes),
    extra: Object.keys(extra).length > 0 ? { [name]: extra } : undefined,
  })
}

const readTypes: Read<VectorType[]> = (value, param) => {
  const types = list(value, param).map((type, index) => word(...TYPES)(type, `${param}[${index}]`))
  return types.length > 0 ? [...new Set(types)] : bad(param, 'must not be empty')
}

/** A body of Titan's, without its model. It takes one input: a second one is refused by name. */
export function encodeTitan(
  request: EmbedRequest,
  options: EncodeOptions,
  name: string,
): { body: JsonObject; dropped: string[] | undefined } {
  const losses = lossesFor(request, options, { types: ['binary'], normalize: true })
  const [input, second] = request.inputs
  if (second !== undefined) losses.essential('input[1]')
  const body = encodeInput(input, request, losses)
  if (request.normalize !== undefined) body.normalize = request.normalize
  const further = furtherTypes(request, ['binary'])
  if (further.length > 0) body.embeddingTypes = [...(wantsFloats(request) ? ['float'] : []), ...further]
  return { body: { ...body, ...own(request, name) }, dropped: losses.names() }
}

/** Models that also take pictures say the number of dimensions in another place. */
function encodeInput(input: EmbedInput | undefined, { model, dimensions: size }: EmbedRequest, losses: Losses): JsonObject {
  const config = size === undefined ? {} : { embeddingConfig: { outputEmbeddingLength: size } }
  if (input?.type === 'image' && input.source.kind === 'data') return { inputImage: input.source.data, ...config }
  if (input?.type !== 'text') return losses.essential('input[0]')
  return { inputText: input.text, ...(/embed-image/i.test(model) ? config : size !== undefined && { dimensions: size }) }
}
