import type { JsonObject } from '../../../core/canonical/json.ts'
import type { DecodedRequest, Format } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { checkFilled } from '../shared/lenses.ts'
import { clientSide, counted, countFormat, providerSide, reshaped } from './shared.ts'

/** What a count does not take: all that is about the answer. */
const OF_ANSWERS: ReadonlySet<string> = new Set([
  'max_tokens',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'metadata',
  'service_tier',
  'container',
  'inference_geo',
])

/** Anthropic's count_tokens: https://docs.claude.com/en/api/messages-count-tokens */
export function anthropicCount(dialect: Format, module: string): Format {
  const { encodeRequest } = providerSide(dialect)
  return countFormat({
    name: 'anthropic-count-tokens',
    module,
    dialect,
    check: (scan: Scan) => checkFilled(scan, 'messages'),
    decodeRequest: (body) => decodeRequest(dialect, body),
    encodeResponse: ({ inputTokens }) => ({ input_tokens: inputTokens }),
    encodeRequest: (request, options) => reshaped(encodeRequest(request, options), withoutAnswer),
    decodeResponse: (body) => counted(body.input_tokens, 'input_tokens'),
  })
}

/** A chat without the limit that a chat has to have. */
function decodeRequest(dialect: Format, body: JsonObject): DecodedRequest {
  const decoded = clientSide(dialect).decodeRequest({ max_tokens: 1, ...body })
  if (body.max_tokens !== undefined) return decoded
  const { maxOutputTokens: _, ...request } = decoded.request
  return { ...decoded, request }
}

function withoutAnswer(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !OF_ANSWERS.has(name)))
}
