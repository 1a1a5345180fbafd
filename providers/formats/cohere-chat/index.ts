import { defineFormat, type Format } from '../../../core/format.ts'
import { decodeRequest } from './decode-request.ts'
import { DROPS } from './drops.ts'
import { encodeResponse } from './encode-response.ts'
import { encodeStream } from './encode-stream.ts'
import { decodeError, encodeError, encodeErrorFrame } from './error.ts'
import { lens } from './lens.ts'
import { encodeRequest } from './request.ts'
import { decodeResponse } from './response.ts'
import { decodeStream } from './stream.ts'
import { NAME } from './types.ts'

/** Cohere's second chat API: https://docs.cohere.com/reference/chat */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse-typed',
  streamType: 'text/event-stream',
  inbound: { decodeRequest, encodeResponse, encodeStream, encodeError, encodeErrorFrame, keepAlive: ': ping\n\n' },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
