import { isObject, type JsonObject, parseFaithfully } from '../../../core/canonical/json.ts'

/**
 * A call's arguments as the object that some dialects owe (Anthropic, Gemini, Bedrock). Empty text is `{}`; undefined
 * when the text is no JSON object.
 */
export function parseArguments(text: string): JsonObject | undefined {
  if (text.trim() === '') return {}
  try {
    const value = parseFaithfully(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
