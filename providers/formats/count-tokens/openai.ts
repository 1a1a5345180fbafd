import type { Format } from '../../../core/format.ts'
import { required } from '../shared/fields.ts'
import { clientSide, counted, countFormat, picked, providerSide, reshaped } from './shared.ts'

/** https://platform.openai.com/docs/api-reference/responses/input-tokens */
const FIELDS = [
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'truncation',
  'conversation',
  'previous_response_id',
]

/** Input tokens of the Responses API. */
export function openaiInputTokens(dialect: Format, module: string): Format {
  const { encodeRequest } = providerSide(dialect)
  return countFormat({
    name: 'openai-input-tokens',
    module,
    dialect,
    check: (scan) => void required(scan.value('input') as never, 'input', (value) => value),
    decodeRequest: (body) => clientSide(dialect).decodeRequest(body),
    encodeResponse: ({ inputTokens }) => ({ object: 'response.input_tokens', input_tokens: inputTokens }),
    encodeRequest: (request, options) => reshaped(encodeRequest(request, options), (body) => picked(body, FIELDS)),
    decodeResponse: (body) => counted(body.input_tokens, 'input_tokens'),
  })
}
