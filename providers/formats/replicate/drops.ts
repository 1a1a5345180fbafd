import { isObject } from '../../../core/canonical/json.ts'
import type { Drop } from '../../../core/format.ts'
import { hint, hintUnless } from '../shared/drops.ts'
import { familyOf } from './family.ts'

/** What a prediction has no input for (decision D13); for some fields it depends on the model. */
export const DROPS: readonly Drop[] = [
  hint('user', 'user'),
  hint('store', 'store'),
  hint('metadata', 'metadata'),
  hint('prediction', 'prediction'),
  hint('promptCacheKey', 'prompt_cache_key'),
  hint('promptCacheRetention', 'prompt_cache_retention'),
  hint('safetyIdentifier', 'safety_identifier'),
  hint('serviceTier', 'service_tier'),
  hint('parallelToolCalls', 'parallel_tool_calls'),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.length),
  hint('verbosity', 'verbosity', ({ model }) => familyOf(model).verbosity === undefined),
  hint('seed', 'seed', ({ model }) => familyOf(model).seed === undefined),
  hint('topK', 'top_k', ({ model }) => familyOf(model).topK === undefined),
  hint('reasoning', 'reasoning_effort', ({ model, reasoning }) => familyOf(model).effort === undefined || reasoning?.effort === undefined),
  { field: 'tools', param: 'tools', kind: 'meaning', when: (request) => request.tools?.length !== 0 },
  { field: 'audio', param: 'audio', kind: 'meaning' },
  {
    field: 'modalities',
    param: 'modalities',
    kind: 'meaning',
    when: (request) => request.modalities?.some((kind) => kind !== 'text') === true,
  },
  { field: 'responseFormat', param: 'response_format', kind: 'meaning', when: (request) => request.responseFormat?.type !== 'text' },
  { field: 'stop', param: 'stop', kind: 'meaning', when: ({ model, stop }) => isLostStop(model, stop ?? []) },
  ...penalty('presencePenalty', 'presence_penalty'),
  ...penalty('frequencyPenalty', 'frequency_penalty'),
  ...hintUnless('choices', 'n', (request) => request.choices === 1),
  ...hintUnless('logprobs', 'logprobs', (request) => request.logprobs === false),
  ...hintUnless('topLogprobs', 'top_logprobs', (request) => request.topLogprobs === 0),
  ...hintUnless('logitBias', 'logit_bias', (request) => isObject(request.logitBias) && Object.keys(request.logitBias).length === 0),
]

/** Models that have no penalties lose nothing by one of 0. */
function penalty(field: 'presencePenalty' | 'frequencyPenalty', param: string): Drop[] {
  return [
    hint(field, param, (request) => !familyOf(request.model).hasPenalties && request[field] === 0),
    { field, param, kind: 'meaning', when: (request) => !familyOf(request.model).hasPenalties && request[field] !== 0 },
  ]
}

/** Stop texts go as one text with commas between, so that none of them can hold one. */
function isLostStop(model: string, stop: readonly string[]): boolean {
  return stop.length > 0 && (familyOf(model).stop === undefined || stop.some((text) => text.includes(',')))
}
