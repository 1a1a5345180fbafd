import { isObject, type JsonObject } from '../../../core/canonical/json.ts'

/**
 * A call's arguments as the object that some dialects owe (Anthropic, Gemini, Bedrock). Empty text is `{}`; undefined
 * when the text is no JSON object.
 */
export function parseArguments(text: string): JsonObject | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A call's arguments as text; a call without any is `{}`, because clients parse what they get. */
export function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '{}' : value
  return value === undefined || value === null ? '{}' : JSON.stringify(value)
}

/** Copies an object into one without a prototype chain trap: an own `__proto__` key stays a plain key. */
export function copyObject(value: JsonObject): JsonObject {
  return { ...value }
}
