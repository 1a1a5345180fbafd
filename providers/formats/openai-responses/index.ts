import { defineFormat, type Format } from '../../../core/format.ts'
import { decodeError, encodeError } from '../shared/openai-error.ts'
import { decodeRequest } from './decode-request.ts'
import { DROPS } from './drops.ts'
import { encodeResponse } from './encode-response.ts'
import { encodeStream, encodeText } from './encode-stream.ts'
import { encodeErrorFrame } from './error.ts'
import { lens } from './lens.ts'
import { encodeRequest } from './request.ts'
import { decodeResponse } from './response.ts'
import { decodeStream } from './stream.ts'
import { NAME } from './types.ts'

/** OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse-typed',
  streamType: 'text/event-stream',
  headers: ['openai-organization', 'openai-project', 'idempotency-key'],
  answerHeaders: ['openai-'],
  inbound: { decodeRequest, encodeResponse, encodeStream, encodeText, encodeError, encodeErrorFrame, keepAlive: ': ping\n\n' },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
