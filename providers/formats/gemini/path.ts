import type { NamedByPath } from '../../../core/format.ts'

/** Some clients take a model with a slash for one with its collection, and leave `models` out. */
const METHOD = /\/v1(?:beta\d?)?\/(?:models\/)?(.*[^/]):(generateContent|streamGenerateContent)$/
const AS_EVENTS = /(?:^|&)alt=sse(?:&|$)/

/** Reads `…/models/{model}:{method}`. A stream that is not asked for as events is one JSON array: https://ai.google.dev/api/generate-content */
export function readPath(path: string, query: string): NamedByPath | undefined {
  const match = METHOD.exec(path)
  const model = match && decoded(match[1] as string)
  if (!model) return undefined
  const stream = match[2] === 'streamGenerateContent'
  return stream && !AS_EVENTS.test(query) ? { model, stream, framing: 'json-array' } : { model, stream }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
