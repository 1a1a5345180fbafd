import type { JsonObject } from '../../../core/canonical/json.ts'

/** A list of models as Anthropic writes it: https://docs.claude.com/en/api/models-list. Nobody knows when they were made. */
export function encodeModels(ids: readonly string[]): JsonObject {
  const data = ids.map((id) => ({ type: 'model', id, display_name: id, created_at: '1970-01-01T00:00:00Z' }))
  return { data, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null }
}
