import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Quirks } from '../../../core/provider.ts'

/**
 * Fits a body of this format to who serves the model: fields that they refuse go, fields that they demand come. The body is not
 * changed. `dropped` lists what the client had said and nobody will hear; a model that the path names instead is not lost.
 */
export function applyQuirks(body: JsonObject, { drop = [], defaults = {} }: Quirks): { body: JsonObject; dropped: readonly string[] } {
  const gone = drop.filter((name) => Object.hasOwn(body, name))
  const kept = Object.entries(body).filter(([name]) => !gone.includes(name))
  return { body: { ...defaults, ...Object.fromEntries(kept) }, dropped: gone.filter((name) => name !== 'model') }
}
