import type { JsonObject } from '../../../core/canonical/json.ts'

/** A list of models as Google writes it: https://ai.google.dev/api/models */
export function encodeModels(ids: readonly string[]): JsonObject {
  const methods = ['generateContent', 'streamGenerateContent']
  return { models: ids.map((id) => ({ name: `models/${id}`, displayName: id, supportedGenerationMethods: methods })) }
}
