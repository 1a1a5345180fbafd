import { isObject, type Json } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { count } from '../shared/usage.ts'
import { NAME } from './types.ts'

/** Usage of a prediction's `metrics`; undefined where they count no tokens, as those of models billed by time. */
export function decodeUsage(metrics: Json | undefined): Usage | undefined {
  if (!isObject(metrics)) return undefined
  const input = count(metrics.input_token_count)
  const output = count(metrics.output_token_count)
  if (input === undefined && output === undefined) return undefined
  return { inputTokens: input ?? 0, outputTokens: output ?? 0, raw: { format: NAME, value: metrics } }
}
