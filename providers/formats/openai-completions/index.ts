import { defineFormat, type Format } from '../../../core/format.ts'
import { decodeError, encodeError, encodeErrorFrame } from '../shared/openai-error.ts'
import { decodeRequest } from './decode-request.ts'
import { decodeStream } from './decode-stream.ts'
import { encodeStream } from './encode-stream.ts'
import { lens } from './lens.ts'
import { DROPS, encodeRequest } from './request.ts'
import { decodeResponse, encodeResponse } from './response.ts'
import { NAME } from './types.ts'

/** OpenAI's text completions, and what compatible servers make of them: https://platform.openai.com/docs/api-reference/completions */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse',
  streamType: 'text/event-stream',
  terminator: 'data: [DONE]\n\n',
  headers: ['openai-organization', 'openai-project', 'idempotency-key'],
  answerHeaders: ['openai-'],
  inbound: { decodeRequest, encodeResponse, encodeStream, encodeError, encodeErrorFrame, keepAlive: ': ping\n\n' },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
