import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Held } from '../../core/config/live/held.ts'

const DEFAULT_LIMIT = 25
/** More are clamped to it (api.md 4.1), but for an export. */
const MOST = 100
/** A number in a query, which is a text. */
export const count = z
  .string()
  .regex(/^-?\d{1,9}$/, 'must be a number')
  .optional()

/** The query of a list. Other fields are filters of the list's own. */
export const pageQuery = z.looseObject({
  limit: count.describe('How many: 25 unless said, at most 100.'),
  offset: count.describe('How many to pass over.'),
  search: z.string().max(256).optional().describe('A part of the name.'),
  sort_by: z.string().optional().describe('Field to sort by.'),
  order: z.enum(['asc', 'desc']).optional().describe('Direction.'),
})

/** The query of a list, read. */
export type PageQuery = z.output<typeof pageQuery>

/** One page of a list, with how many there are in all. */
export function page(
  matches: readonly Held[],
  query: PageQuery,
  { plural, shown }: { plural: string; shown(held: Held): JsonObject },
): JsonObject {
  const isExport = query.export === 'true'
  const asked = Number(query.limit ?? DEFAULT_LIMIT)
  const limit = isExport ? matches.length : Math.min(asked > 0 ? asked : DEFAULT_LIMIT, MOST)
  const offset = Math.max(0, Number(query.offset ?? 0))
  const items = matches.slice(offset, offset + limit).map(shown)
  return { [plural]: items, count: items.length, total_count: matches.length, limit, offset }
}
