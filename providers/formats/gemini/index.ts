import { defineFormat, type Format } from '../../../core/format.ts'
import { decodeRequest } from './decode-request.ts'
import { DROPS } from './drops.ts'
import { encodeResponse } from './encode-response.ts'
import { encodeStream, encodeText } from './encode-stream.ts'
import { decodeError, encodeError, encodeErrorFrame } from './error.ts'
import { lens } from './lens.ts'
import { encodeModel, encodeModels } from './models.ts'
import { readPath } from './path.ts'
import { encodeRequest } from './request.ts'
import { decodeResponse } from './response.ts'
import { decodeStream } from './stream.ts'
import { NAME } from './types.ts'

/** Google's generateContent and streamGenerateContent, of the Gemini API and of Vertex AI: https://ai.google.dev/api/generate-content */
export const format: Format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse',
  otherFramings: { 'application/json': 'json-array' },
  streamType: 'text/event-stream',
  inbound: {
    readPath,
    decodeRequest,
    encodeResponse,
    encodeStream,
    encodeText,
    encodeError,
    encodeErrorFrame,
    encodeModels,
    encodeModel,
    keepAlive: ': ping\n\n',
  },
  outbound: { encodeRequest, decodeResponse, decodeStream, decodeError, drops: DROPS },
  lens,
})
