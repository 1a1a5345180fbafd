import { isObject } from '../core/canonical/json.ts'
import { defineProvider, type PathFacts } from '../core/provider.ts'

/** Google's Gemini API. https://ai.google.dev/api/generate-content */
export const gemini = defineProvider({
  name: 'gemini',
  format: 'gemini',
  baseUrl: 'https://generativelanguage.googleapis.com',
  apiVersion: 'v1beta',
  auth: 'x-goog-api-key',
  envKey: 'GEMINI_API_KEY',
  isBase: true,
  formats: { embedding: 'gemini-embed' },
  paths: {
    chat_completion: ({ model, isStream }) => `/v1beta/${modelPath(model)}:${geminiMethod(isStream)}`,
    list_models: () => '/v1beta/models?pageSize=1000',
    embedding: ({ model, method }) => `/v1beta/${modelPath(model)}:${method ?? 'batchEmbedContents'}`,
  },
  modelIds: (body) => namesOf(body, 'models').map((name) => name.replace(/^models\//, '')),
})

/** The method of a chat, whole or as server-sent events. */
export function geminiMethod(isStream: PathFacts['isStream']): string {
  return isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'
}

/** The `name` of each entry of a list in an answer of Google's. */
export function namesOf(body: unknown, list: string): string[] {
  const entries = isObject(body) ? body[list] : undefined
  return Array.isArray(entries) ? entries.filter(isObject).map(({ name }) => String(name)) : []
}

/** A model may be named with its collection: `tunedModels/mine`. */
function modelPath(model: string): string {
  const named = /^(models|tunedModels)\/(.+)$/.exec(model)
  return `${named?.[1] ?? 'models'}/${encodeURIComponent(named?.[2] ?? model)}`
}
