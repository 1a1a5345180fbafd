import { defineFormat, type Format } from '../../../core/format.ts'
import { DROPS } from './drops.ts'
import { decodeError } from './error.ts'
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
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
