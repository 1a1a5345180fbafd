import { isObject } from '../../../core/canonical/json.ts'
import type { Drop } from '../../../core/format.ts'
import { hint, hintUnless } from '../shared/drops.ts'

/** What Messages has no place for (decision D13): hints are left out and reported, what changes the answer is refused. */
export const DROPS: readonly Drop[] = [
  hint('seed', 'seed'),
  hint('store', 'store'),
  hint('metadata', 'metadata'),
  hint('prediction', 'prediction'),
  hint('verbosity', 'verbosity'),
  hint('promptCacheKey', 'prompt_cache_key'),
  hint('promptCacheRetention', 'prompt_cache_retention'),
  hint('safetyIdentifier', 'safety_identifier', (request) => request.user !== undefined),
  hint('serviceTier', 'service_tier', (request) => encodeServiceTier(request.serviceTier) === undefined),
  hint('parallelToolCalls', 'parallel_tool_calls', (request) => !request.tools?.length),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.length),
  hint('topP', 'top_p', (request) => request.temperature !== undefined),
  ...hintUnless('presencePenalty', 'presence_penalty', (request) => request.presencePenalty === 0),
  ...hintUnless('frequencyPenalty', 'frequency_penalty', (request) => request.frequencyPenalty === 0),
  ...hintUnless('choices', 'n', (request) => request.choices === 1),
  ...hintUnless('logprobs', 'logprobs', (request) => request.logprobs === false),
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

const TIERS: Readonly<Record<string, string>> = { auto: 'auto', default: 'standard_only', standard_only: 'standard_only' }

/** The service tier in Anthropic's words: https://docs.claude.com/en/api/service-tiers. Undefined for tiers it does not have. */
export function encodeServiceTier(tier: string | undefined): string | undefined {
  return tier !== undefined && Object.hasOwn(TIERS, tier) ? TIERS[tier] : undefined
}
