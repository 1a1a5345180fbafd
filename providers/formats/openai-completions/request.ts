import type { ChatRequest, Part } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Drop, EncodedRequest, EncodeOptions } from '../../../core/format.ts'
import { hint, lostHints } from '../shared/drops.ts'
import { NAME } from './types.ts'

/** What text completions have no place for (decision D13). */
export const DROPS: readonly Drop[] = [
  hint('store', 'store'),
  hint('metadata', 'metadata'),
  hint('verbosity', 'verbosity'),
  hint('reasoning', 'reasoning'),
  hint('serviceTier', 'service_tier'),
  hint('parallelToolCalls', 'parallel_tool_calls'),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.length),
  { field: 'tools', param: 'tools', kind: 'meaning', when: (request) => (request.tools?.length ?? 0) > 0 },
  { field: 'responseFormat', param: 'response_format', kind: 'meaning', when: ({ responseFormat }) => responseFormat?.type !== 'text' },
  {
    field: 'modalities',
    param: 'modalities',
    kind: 'meaning',
    when: ({ modalities }) => modalities?.some((kind) => kind !== 'text') === true,
  },
  { field: 'audio', param: 'audio', kind: 'meaning' },
]

const SIMPLE = [
  ['maxOutputTokens', 'max_tokens'],
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['stop', 'stop'],
  ['seed', 'seed'],
  ['presencePenalty', 'presence_penalty'],
  ['frequencyPenalty', 'frequency_penalty'],
  ['logitBias', 'logit_bias'],
  ['topLogprobs', 'logprobs'],
  ['choices', 'n'],
  ['user', 'user'],
] as const satisfies readonly (readonly [keyof ChatRequest, string])[]

/** A chat as one prompt: its texts, one after the other. Throws GW_UNSUPPORTED_PARAMETER for what is no text. */
export function encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest {
  const dropped = new Set(lostHints(request, DROPS, options))
  const prompt = request.messages
    .flatMap(({ parts }, index) => parts.map((part, at) => textOf(part, `messages[${index}].content[${at}]`, options)))
    .join('\n\n')
  const body: JsonObject = { model: request.model, prompt }
  for (const [field, name] of SIMPLE) if (request[field] !== undefined) body[name] = request[field]
  if (request.stream) body.stream = true
  if (request.stream && request.streamUsage !== undefined) body.stream_options = { include_usage: request.streamUsage }
  const own = request.extra?.[NAME]
  return { body: isObject(own) ? { ...body, ...own } : body, ...(dropped.size > 0 && { dropped: [...dropped] }) }
}

function textOf(part: Part, param: string, { provider }: EncodeOptions): string {
  if (part.type === 'text' || part.type === 'refusal') return part.text
  if (part.type === 'reasoning') return ''
  throw new GatewayError('GW_UNSUPPORTED_PARAMETER', { param, provider })
}
