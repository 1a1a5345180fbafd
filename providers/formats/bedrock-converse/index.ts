import { defineFormat, type Format } from '../../../core/format.ts'
import { encodeError, encodeErrorFrame, errorHeaders } from '../shared/aws-exceptions.ts'
import { decodeRequest } from './decode-request.ts'
import { DROPS } from './drops.ts'
import { encodeResponse } from './encode-response.ts'
import { encodeStream, encodeText } from './encode-stream.ts'
import { decodeError } from './error.ts'
import { lens } from './lens.ts'
import { readPath } from './path.ts'
import { encodeRequest } from './request.ts'
import { decodeResponse } from './response.ts'
import { decodeStream } from './stream.ts'
import { NAME } from './types.ts'

/** Amazon Bedrock's Converse and ConverseStream: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'aws-event-stream',
  // Claude's, whose other hosts take them there.
  bodyHeaders: ['anthropic-beta'],
  streamType: 'application/vnd.amazon.eventstream',
  inbound: { readPath, decodeRequest, encodeResponse, encodeStream, encodeText, encodeError, encodeErrorFrame, errorHeaders },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
