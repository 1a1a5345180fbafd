import type { JsonObject } from '../../../core/canonical/json.ts'

const METHODS = ['generateContent', 'streamGenerateContent']

/** A list of models as Google writes it: https://ai.google.dev/api/models */
export function encodeModels(ids: readonly string[]): JsonObject {
  return { models: ids.map(encodeModel) }
}

/** One of them. */
export function encodeModel(id: string): JsonObject {
  return { name: `models/${id}`, displayName: id, supportedGenerationMethods: METHODS }
}
