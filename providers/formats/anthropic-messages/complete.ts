import { GatewayError } from '../../../core/errors.ts'
import { type DecodedRequest, defineFormat, type Format, type Inbound } from '../../../core/format.ts'
import { claudeText } from '../shared/claude-text.ts'
import { boolean, filled, optional } from '../shared/fields.ts'
import { promptSide } from '../shared/prompt-side.ts'
import { encodeErrorFrame } from './error.ts'
import { format as messages } from './index.ts'

const NAME = 'anthropic-complete'

const side = promptSide({ corner: NAME, ...claudeText, others: ['model', 'stream'], event: 'completion', failure: encodeErrorFrame })

/** Text completions of Anthropic, for clients alone: every provider is asked for the chat that the prompt writes down. https://docs.claude.com/en/api/complete */
export const format: Format = defineFormat({
  ...messages,
  name: NAME,
  module: import.meta.url,
  inbound: {
    ...(messages.inbound as Inbound),
    decodeRequest(body): DecodedRequest {
      const model = optional(body.model, 'model', filled)
      if (model === undefined) throw new GatewayError('GW_MODEL_REQUIRED')
      return side.decodeRequest(body, { model, stream: optional(body.stream, 'stream', boolean) ?? false })
    },
    encodeResponse: side.encodeResponse,
    encodeStream: side.encodeStream,
  },
  outbound: undefined,
  lens: {
    ...messages.lens,
    plainText: '"completion":"',
    maxOutputTokens(scan) {
      const limit = scan.value('max_tokens_to_sample')
      return typeof limit === 'number' ? limit : undefined
    },
    messageCount: () => 1,
    texts(scan) {
      const prompt = scan.value('prompt')
      return typeof prompt === 'string' ? [prompt] : []
    },
  },
})
