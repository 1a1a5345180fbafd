import type { JsonObject } from '../../../core/canonical/json.ts'
import { type DecodedRequest, defineFormat, type Format, type Inbound, type NamedByPath } from '../../../core/format.ts'
import { encodeError, encodeErrorFrame, errorHeaders } from '../shared/aws-exceptions.ts'
import { bad } from '../shared/fields.ts'
import { unwrap, wrapStream } from './chunks.ts'
import { readPath } from './path.ts'

/** The format's name, and its corner in every `extra`. */
const NAME = 'bedrock-invoke'

/**
 * InvokeModel and InvokeModelWithResponseStream, for clients alone: a model's own dialect behind Amazon's paths, errors and events:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html. `model`: that dialect,
 * which must have a client's side.
 */
export function invokeFormat(model: Format, module: string): Format {
  const { inbound } = model
  // Nothing of them holds for chunks.
  const { plainText: _plainText, strictness: _strictness, fitsWhole: _fitsWhole, ...lens } = model.lens
  if (!inbound) throw new Error(`format ${model.name} has no client side`)
  return defineFormat({
    name: NAME,
    module,
    framing: 'aws-event-stream',
    streamType: 'application/vnd.amazon.eventstream',
    inbound: {
      readPath,
      decodeRequest: (body, named) => decodeRequest(inbound, body, named),
      encodeResponse: inbound.encodeResponse,
      encodeStream: wrapStream(inbound.encodeStream),
      encodeError,
      encodeErrorFrame,
      errorHeaders,
    },
    lens: {
      ...lens,
      model: () => undefined,
      withModel: () => ({ start: 0, end: 0, text: '' }),
      stream: () => false,
      withStreamUsage: () => [],
      usage: () => undefined,
      mark(frame) {
        if (frame.event !== 'chunk') return frame.event?.endsWith('Exception') ? 'error' : 'other'
        const inner = unwrap(frame)
        return inner ? lens.mark(inner) : 'other'
      },
    },
  })
}

/** What bodies of other families have, and Claude's never: Titan's and Nova's, Llama's and Mistral's, Cohere's, those of pictures. */
const FOREIGN = ['inputText', 'inferenceConfig', 'schemaVersion', 'prompt', 'message', 'texts', 'taskType', 'text_prompts']
const SERVED =
  'is not of a body that InvokeModel serves here: the Messages of Claude, and embeddings of Titan and Cohere, for models whose id says "embed". Other chats are served by Converse'

/** The body names no model, and says the dialect's version; its beta flags are Bedrock's own, and go to Bedrock alone. */
function decodeRequest(inbound: Inbound, body: JsonObject, named: NamedByPath | undefined): DecodedRequest {
  const foreign = FOREIGN.find((name) => body[name] !== undefined)
  if (foreign !== undefined) bad(foreign, SERVED)
  const { anthropic_version: _, anthropic_beta: betas, ...said } = body
  const { request, carry } = inbound.decodeRequest({ ...said, model: named?.model, stream: named?.stream ?? false })
  if (!Array.isArray(betas)) return { request, carry }
  const extra = { ...request.extra, [NAME]: { additionalModelRequestFields: { anthropic_beta: betas } } }
  return { request: { ...request, extra }, carry }
}
