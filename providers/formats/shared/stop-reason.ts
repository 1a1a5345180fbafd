import type { Stop, StopReason } from '../../../core/canonical/stop.ts'

/** A provider's word for why it stopped, in the neutral vocabulary by `table`; a word not in it is `other` and kept. */
export function unifyStop(raw: string | undefined, table: Readonly<Record<string, StopReason>>): Stop {
  if (raw === undefined) return { reason: 'other' }
  return { reason: Object.hasOwn(table, raw) ? (table[raw] as StopReason) : 'other', raw }
}
