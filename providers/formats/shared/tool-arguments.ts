import { isObject, type JsonObject, parseExact } from '../../../core/canonical/json.ts'

/** A number that a double may change; a text like one costs only the slower parser. */
const WIDE_NUMBER = /\d{16}|\d[eE]\+?\d{3}/

/**
 * A call's arguments as the object that some dialects owe (Anthropic, Gemini, Bedrock). Empty text is `{}`; undefined
 * when the text is no JSON object.
 */
export function parseArguments(text: string): JsonObject | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = WIDE_NUMBER.test(text) ? parseExact(text) : JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
