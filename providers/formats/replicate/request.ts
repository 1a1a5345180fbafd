import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { lostHints } from '../shared/drops.ts'
import { DROPS } from './drops.ts'
import { type Family, familyOf } from './family.ts'
import { type Prompt, writePrompt } from './prompt.ts'
import { NAME } from './types.ts'

/** A version by its id, alone or after the model's name: named in the body, where other models are named by the path. */
const VERSION = /^[0-9a-f]{64}$|^[^/:]+\/[^/:]+:[0-9a-f]{64}$/

/** Whether a model is one version of it: `POST /v1/predictions` takes those, https://replicate.com/docs/reference/http#predictions.create */
export function isVersion(model: string): boolean {
  return VERSION.test(model)
}

/** A request for a prediction: https://replicate.com/docs/reference/http#predictions.create */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const unsupported = (param: string): void => {
    if (!options.dropUnsupported) throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider: options.provider })
    dropped.add(param)
  }
  const family = familyOf(request.model)
  const { input: extraInput, ...extra } = request.extra?.[NAME] ?? {}
  const input: JsonObject = {
    ...writeInput(writePrompt(request.messages, unsupported), family, unsupported),
    ...writeSampling(request, family),
    ...extra,
    ...(isObject(extraInput) && extraInput),
  }
  const body: JsonObject = { ...(isVersion(request.model) && { version: request.model }), input }
  if (request.stream) body.stream = true
  return dropped.size > 0 ? { body, dropped: [...dropped] } : { body }
}

function writeInput({ system, prompt, images }: Prompt, family: Family, unsupported: (param: string) => void): JsonObject {
  const input: JsonObject = { prompt }
  if (system !== '' && family.system !== undefined) input[family.system] = system
  else if (system !== '') input.prompt = prompt === '' ? system : `${system}\n\n${prompt}`
  if (images.length === 0) return input
  const { field, isList } = family.images
  if (!isList && images.length > 1) unsupported('messages')
  input[field] = isList ? images : images[0]
  return input
}

function writeSampling(request: ChatRequest, family: Family): JsonObject {
  const { stop } = request
  const input: JsonObject = { [family.maxTokens]: request.maxOutputTokens, temperature: request.temperature, top_p: request.topP }
  if (family.topK) input[family.topK] = request.topK
  if (family.seed) input[family.seed] = request.seed
  if (family.stop && stop?.length && !stop.some((text) => text.includes(','))) input[family.stop] = stop.join(',')
  if (family.effort) input[family.effort] = request.reasoning?.effort
  if (family.verbosity) input[family.verbosity] = request.verbosity
  if (family.hasPenalties) {
    input.presence_penalty = request.presencePenalty
    input.frequency_penalty = request.frequencyPenalty
  }
  return withoutUndefined(input)
}
