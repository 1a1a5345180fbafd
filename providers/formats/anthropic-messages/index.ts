import { defineFormat, type Format } from '../../../core/format.ts'
import { decodeRequest } from './decode-request.ts'
import { DROPS } from './drops.ts'
import { encodeResponse } from './encode-response.ts'
import { encodeStream } from './encode-stream.ts'
import { decodeError, encodeError, encodeErrorFrame } from './error.ts'
import { lens } from './lens.ts'
import { encodeModels } from './models.ts'
import { applyQuirks } from './quirks.ts'
import { encodeRequest } from './request.ts'
import { decodeResponse } from './response.ts'
import { decodeStream } from './stream.ts'
import { NAME } from './types.ts'

export { mergeBeta } from './beta.ts'

/** Anthropic's Messages API: https://docs.claude.com/en/api/messages */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse-typed',
  streamType: 'text/event-stream',
  headers: ['anthropic-beta', 'anthropic-version'],
  answerHeaders: ['anthropic-'],
  listHeaders: ['anthropic-beta'],
  inbound: {
    decodeRequest,
    encodeResponse,
    encodeStream,
    encodeError,
    encodeErrorFrame,
    encodeModels,
    keepAlive: 'event: ping\ndata: {"type": "ping"}\n\n',
  },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS, adapt: applyQuirks },
  lens,
})
