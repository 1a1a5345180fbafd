import { isObject, type Json, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import { text } from '../shared/openai-text.ts'
import { FINISH, saysAnything } from './marks.ts'
import { objects } from './types.ts'

/**
 * An answer that begins as OpenAI's does: its facts in any order, then the first choice with index, role and content as text.
 * A nested list before the choices, or another order within the choice, only costs the closer look.
 */
const HEAD = new RegExp(
  [
    /^\s*\{(?=[^[]*?"id":\s*"[^"])(?=[^[]*?"object":\s*"chat\.completion")(?=[^[]*?"created":\s*\d)(?=[^[]*?"model":\s*")/,
    /[^[]*?"choices":\s*\[\s*\{[^{]*?"index":\s*\d[^{]*?"message":\s*\{\s*"role":\s*"assistant"[^[{]*?"content":\s*["n]/,
  ]
    .map(({ source }) => source)
    .join(''),
)

/** `tool_calls` likewise. */
const CALLS = '_calls":'

/**
 * Whether strict clients can read a whole answer as it is: OpenAI's own `.parse` and `runTools` look for the role, the finish
 * reason and each call's id and type. On a good text without calls 0.2 us for 1 KB; everything else is parsed.
 */
export function fitsWhole(answer: string): boolean {
  if (HEAD.test(answer) && saysAnything(answer, FINISH) && !saysAnything(answer, CALLS)) return true
  const body = parseObject(answer)
  return body !== undefined && isStrict(body)
}

function isStrict(body: JsonObject): boolean {
  const isNamed = text(body.id) !== undefined && body.object === 'chat.completion' && typeof body.model === 'string'
  if (!isNamed || typeof body.created !== 'number') return false
  return Array.isArray(body.choices) && body.choices.length > 0 && body.choices.every(isStrictChoice)
}

function isStrictChoice(choice: Json): boolean {
  if (!isObject(choice) || !Number.isInteger(choice.index) || text(choice.finish_reason) === undefined) return false
  const { message } = choice
  if (!isObject(message) || message.role !== 'assistant') return false
  return (typeof message.content === 'string' || message.content === null) && objects(message.tool_calls).every(isStrictCall)
}

function isStrictCall(call: JsonObject): boolean {
  if (text(call.id) === undefined) return false
  if (call.type === 'custom') return isObject(call.custom) && typeof call.custom.input === 'string'
  return call.type === 'function' && isObject(call.function) && typeof call.function.arguments === 'string'
}
