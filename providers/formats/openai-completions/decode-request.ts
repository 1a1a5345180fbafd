import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest, NamedByPath } from '../../../core/format.ts'
import { bad, boolean, integer, number, object, optional, type Read, readFields, required, string, strings } from '../shared/fields.ts'
import { NAME } from './types.ts'

/** Fields that are one value on both sides. */
const SIMPLE: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>> = {
  stream: ['stream', boolean],
  max_tokens: ['maxOutputTokens', integer(1)],
  temperature: ['temperature', number],
  top_p: ['topP', number],
  stop: ['stop', (value, param) => (typeof value === 'string' ? [value] : strings(value, param))],
  seed: ['seed', number],
  presence_penalty: ['presencePenalty', number],
  frequency_penalty: ['frequencyPenalty', number],
  logit_bias: ['logitBias', object],
  n: ['choices', integer(1, 128)],
  user: ['user', string],
}
const SIMPLE_FIELDS = new Map(Object.entries(SIMPLE))
const OTHERS: ReadonlySet<string> = new Set(['model', 'prompt', 'fallbacks', 'stream_options', 'logprobs', 'echo'])

/**
 * A request of text completions as a chat of one question (providers.md 5): https://platform.openai.com/docs/api-reference/completions.
 * Throws GW_INVALID_REQUEST with the field's path.
 */
export function decodeRequest(body: JsonObject, named?: NamedByPath): DecodedRequest {
  const model = named?.model ?? optional(body.model, 'model', string)
  if (!model) throw new GatewayError('GW_MODEL_REQUIRED')
  const prompt = required(body.prompt, 'prompt', readPrompt)
  const request: ChatRequest = { model, messages: [{ role: 'user', parts: [{ type: 'text', text: prompt }] }], stream: false }
  const extra = readFields(request, body, { simple: SIMPLE_FIELDS, known: OTHERS })
  const logprobs = optional(body.logprobs, 'logprobs', integer(0))
  if (logprobs !== undefined) Object.assign(request, { logprobs: true, topLogprobs: logprobs })
  const options = optional(body.stream_options, 'stream_options', object)
  request.streamUsage = options && optional(options.include_usage, 'stream_options.include_usage', boolean)
  if (extra) request.extra = { [NAME]: extra }
  const carry = optional(body.echo, 'echo', boolean) ? { echo: prompt } : undefined
  return { request: withoutUndefined(request), ...(carry && { carry }) }
}

/** One prompt. A list of prompts is one answer each, and a chat has one; tokens are of a vocabulary that nobody here knows. */
function readPrompt(value: Json, param: string): string {
  if (typeof value === 'string') return value || bad(param, 'must not be empty')
  const prompts = strings(value, param)
  if (prompts.length !== 1) bad(param, 'this provider takes one prompt a request')
  return prompts[0] || bad(`${param}[0]`, 'must not be empty')
}
