import type { Extra } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { NAME } from './types.ts'

const isText = (value: Json | undefined): boolean => typeof value === 'string'

/**
 * Fields of this API that clients of other dialects say by the same names (providers.md 2.1), and the form that they have here:
 * OpenAI's `context_management` is a list.
 */
const PROMOTED: Readonly<Record<string, (value: Json | undefined) => boolean>> = {
  speed: isText,
  inference_geo: isText,
  mcp_servers: Array.isArray,
  container: (value) => isText(value) || isObject(value),
  cache_control: isObject,
  task_budget: isObject,
  context_management: isObject,
}

/** What only this format knows, as the client said it in whichever dialect; its own words go first. */
export function ownFields(extra: Extra | undefined): JsonObject | undefined {
  if (!extra) return undefined
  const said: JsonObject = {}
  for (const [dialect, fields] of Object.entries(extra)) {
    if (dialect === NAME) continue
    for (const [field, value] of Object.entries(fields)) if (Object.hasOwn(PROMOTED, field) && PROMOTED[field]?.(value)) said[field] = value
  }
  return { ...said, ...extra[NAME] }
}
