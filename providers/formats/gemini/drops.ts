import { isObject } from '../../../core/canonical/json.ts'
import type { Drop } from '../../../core/format.ts'
import { hint, hintUnless } from '../shared/drops.ts'

/** What generateContent has no place for (decision D13): hints are left out and reported, what changes the answer is refused. */
export const DROPS: readonly Drop[] = [
  hint('store', 'store'),
  hint('user', 'user'),
  hint('metadata', 'metadata'),
  hint('prediction', 'prediction'),
  hint('verbosity', 'verbosity'),
  hint('promptCacheKey', 'prompt_cache_key'),
  hint('promptCacheRetention', 'prompt_cache_retention'),
  hint('safetyIdentifier', 'safety_identifier'),
  hint('serviceTier', 'service_tier', (request) => encodeServiceTier(request.serviceTier) === undefined),
  hint('parallelToolCalls', 'parallel_tool_calls', (request) => request.parallelToolCalls === false),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.some((tool) => tool.kind === 'function')),
  ...hintUnless('logitBias', 'logit_bias', (request) => isObject(request.logitBias) && Object.keys(request.logitBias).length === 0),
  {
    field: 'modalities',
    param: 'modalities',
    kind: 'meaning',
    when: (request) => request.modalities?.some((kind) => kind !== 'text' && kind !== 'image') === true,
  },
  { field: 'audio', param: 'audio', kind: 'meaning' },
]

const TIERS = new Map([
  ['default', 'STANDARD'],
  ['flex', 'FLEX'],
  ['priority', 'PRIORITY'],
])

/** A tier as `serviceTier`; undefined for those that the API does not have. */
export function encodeServiceTier(tier: string | undefined): string | undefined {
  return TIERS.get(tier ?? '')
}

/** A tier that a client of Google's asks for, in the common words. */
export function readTier(tier: string): string {
  return [...TIERS].find(([, word]) => word === tier.toUpperCase())?.[0] ?? tier.toLowerCase()
}

/** Vertex tells by the kind of traffic that it counted: https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse */
const TRAFFIC = new Map([
  ['ON_DEMAND', 'default'],
  ['ON_DEMAND_PRIORITY', 'priority'],
  ['ON_DEMAND_FLEX', 'flex'],
  ['PROVISIONED_THROUGHPUT', 'provisioned'],
])

/** The tier that served a request, from its usage. */
export function decodeServiceTier(usage: unknown): string | undefined {
  if (!isObject(usage)) return undefined
  const named = typeof usage.serviceTier === 'string' ? usage.serviceTier.toUpperCase() : undefined
  return [...TIERS].find(([, word]) => word === named)?.[0] ?? TRAFFIC.get(String(usage.trafficType))
}
