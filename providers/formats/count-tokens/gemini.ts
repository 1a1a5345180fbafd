import type { CountResponse } from '../../../core/canonical/count.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { Format, Splice } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withField } from '../shared/body-edits.ts'
import { object, optional } from '../shared/fields.ts'
import { checkFilled } from '../shared/lenses.ts'
import { clientSide, counted, countFormat, picked, providerSide, reshaped, scanOf } from './shared.ts'

/** A whole request may stand in it, where there is more than contents. */
const WHOLE = 'generateContentRequest'
/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens */
const VERTEX_FIELDS = ['contents', 'systemInstruction', 'tools', 'generationConfig']

/** Gemini's countTokens: https://ai.google.dev/api/tokens */
export function geminiCount(dialect: Format, module: string): Format {
  const { encodeRequest } = providerSide(dialect)
  return countFormat({
    name: 'gemini-count-tokens',
    module,
    dialect,
    check(scan) {
      if (!scan.spans.has(WHOLE)) checkFilled(scan, 'contents')
    },
    decodeRequest: (body, named) => clientSide(dialect).decodeRequest(optional(body[WHOLE], WHOLE, object) ?? body, named),
    encodeResponse,
    encodeRequest: (request, options) =>
      reshaped(encodeRequest(request, options), (body) => ({ [WHOLE]: { model: nameOf(request.model), ...body } })),
    decodeResponse,
    lens: { withModel, texts: (scan) => dialect.lens.texts(innerScan(scan)) },
  })
}

/** Vertex AI's countTokens, for the provider alone: the same on one level. */
export function vertexCount(dialect: Format, module: string): Format {
  const { encodeRequest } = providerSide(dialect)
  return countFormat({
    name: 'vertex-count-tokens',
    module,
    dialect,
    encodeRequest: (request, options) => reshaped(encodeRequest(request, options), (body) => picked(body, VERTEX_FIELDS)),
    decodeResponse,
  })
}

function nameOf(model: string): string {
  return model.includes('/') ? model : `models/${model}`
}

function innerScan(scan: Scan): Scan {
  const whole = scan.value(WHOLE)
  return isObject(whole) ? scanOf(whole) : scan
}

/** The whole request names its model again. */
function withModel(scan: Scan, model: string): Splice {
  const whole = scan.value(WHOLE) as Json | undefined
  if (!isObject(whole) || whole.model === nameOf(model)) return { start: 0, end: 0, text: '' }
  const written = scan.parse()[WHOLE] as JsonObject
  return withField(scan, WHOLE, { ...written, model: nameOf(model) })
}

function encodeResponse({ inputTokens, cachedTokens }: CountResponse): JsonObject {
  return { totalTokens: inputTokens, ...(cachedTokens !== undefined && { cachedContentTokenCount: cachedTokens }) }
}

/** No tokens are left out of the JSON. */
function decodeResponse(body: JsonObject): CountResponse {
  return counted(body.totalTokens ?? (body.totalBillableCharacters === 0 ? 0 : undefined), 'totalTokens', body.cachedContentTokenCount)
}
