import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { text } from '../shared/openai-text.ts'

/** The format's name: key of `extra`, tag of raw usage. */
export const NAME = 'openai-chat'

/** A call inside a message or a delta. */
export interface WireToolCall {
  index?: number | undefined
  id: string | undefined
  name: string
  arguments: string
  isCustom: boolean
}

/** The objects of a list; empty when it is none. */
export function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** Unknown fields under this format's name, as canonical types carry them. */
export function extraOf(fields: JsonObject | undefined): { [NAME]: JsonObject } | undefined {
  return fields && { [NAME]: fields }
}

/** Reads a call as a message or a delta holds it; arguments that came as an object become text. */
export function readToolCall(call: JsonObject): WireToolCall {
  const isCustom = call.type === 'custom' || (isObject(call.custom) && !isObject(call.function))
  const body = isCustom ? call.custom : call.function
  const fields = isObject(body) ? body : {}
  return {
    index: typeof call.index === 'number' ? call.index : undefined,
    id: text(call.id),
    name: text(fields.name) ?? '',
    arguments: argumentText(isCustom ? fields.input : fields.arguments),
    isCustom,
  }
}

function argumentText(value: Json | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
