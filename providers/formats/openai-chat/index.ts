import { defineFormat } from '../../../core/format.ts'
import { decodeError, encodeError, encodeErrorFrame } from '../shared/openai-error.ts'
import { decodeRequest } from './decode-request.ts'
import { decodeStream } from './decode-stream.ts'
import { lens } from './lens.ts'
import { readPath } from './path.ts'
import { applyQuirks } from './quirks.ts'
import { drops, encodeRequest } from './request.ts'
import { decodeResponse, encodeResponse } from './response.ts'
import { encodeStream } from './stream.ts'
import { NAME } from './types.ts'

/** OpenAI chat completions, and what compatible servers make of it (https://platform.openai.com/docs/api-reference/chat). */
export const format = defineFormat({
  name: NAME,
  module: import.meta.url,
  framing: 'sse',
  streamType: 'text/event-stream',
  terminator: 'data: [DONE]\n\n',
  headers: ['openai-organization', 'openai-project', 'idempotency-key'],
  answerHeaders: ['openai-', 'x-groq-', 'x-fireworks-'],
  inbound: {
    readPath,
    decodeRequest,
    encodeResponse,
    encodeStream,
    encodeError,
    encodeErrorFrame,
    // Mistral's packages want the name in every piece of a call, where OpenAI's would read it as one more piece of the name.
    wantsWholeCalls: (userAgent) => /mistral/i.test(userAgent),
    keepAlive: ': ping\n\n',
  },
  outbound: {
    encodeRequest,
    decodeResponse,
    decodeStream,
    decodeError,
    drops,
    adapt: applyQuirks,
  },
  lens,
})
