import { isObject } from '../../../core/canonical/json.ts'
import type { Drop } from '../../../core/format.ts'
import { hint, hintUnless } from '../shared/drops.ts'

/** What Cohere has no place for (decision D13): hints are left out and reported, what changes the answer is refused. */
export const DROPS: readonly Drop[] = [
  hint('store', 'store'),
  hint('user', 'user'),
  hint('metadata', 'metadata'),
  hint('prediction', 'prediction'),
  hint('verbosity', 'verbosity'),
  hint('serviceTier', 'service_tier'),
  hint('promptCacheKey', 'prompt_cache_key'),
  hint('promptCacheRetention', 'prompt_cache_retention'),
  hint('safetyIdentifier', 'safety_identifier'),
  hint('parallelToolCalls', 'parallel_tool_calls', (request) => request.parallelToolCalls === false),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.length),
  ...hintUnless('choices', 'n', (request) => request.choices === 1),
  ...hintUnless('topLogprobs', 'top_logprobs', (request) => request.topLogprobs === 0),
  ...hintUnless('logitBias', 'logit_bias', (request) => isObject(request.logitBias) && Object.keys(request.logitBias).length === 0),
  {
    field: 'modalities',
    param: 'modalities',
    kind: 'meaning',
    when: (request) => request.modalities?.some((kind) => kind !== 'text') === true,
  },
  { field: 'audio', param: 'audio', kind: 'meaning' },
]
