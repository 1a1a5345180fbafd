import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { Frame, FrameMark, Lens, Strictness } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { isErrorBody } from '../shared/openai-error.ts'
import { FINISH, saysAnything } from './marks.ts'
import { contentPieces } from './response.ts'
import { objects } from './types.ts'
import { decodeUsage, usageOf } from './usage.ts'
import { fitsWhole } from './whole.ts'

/** Reads and edits requests and events of this format without decoding them. */
export const lens: Lens = {
  model(scan) {
    const model = scan.value('model')
    return typeof model === 'string' ? model : undefined
  },
  withModel: (scan, model) => withField(scan, 'model', model),
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens: (scan) => numberAt(scan, 'max_completion_tokens') ?? numberAt(scan, 'max_tokens'),
  choices: (scan) => numberAt(scan, 'n'),
  messageCount(scan) {
    const messages = scan.value('messages')
    return Array.isArray(messages) ? messages.length : 0
  },
  texts: (scan) => objects(scan.value('messages')).flatMap(textsOf),
  without: withoutFields,
  withStreamUsage(scan) {
    const options = scan.value('stream_options')
    if (!isObject(options)) return [withField(scan, 'stream_options', { include_usage: true })]
    return options.include_usage === true ? [] : [withField(scan, 'stream_options', { ...options, include_usage: true })]
  },
  usage,
  mark,
  plainText: '"content":"',
  strictness,
  fitsWhole,
}

function numberAt(scan: Scan, name: string): number | undefined {
  const value = scan.value(name)
  return typeof value === 'number' ? value : undefined
}

function textsOf(message: JsonObject): string[] {
  return contentPieces(message.content).map((piece) => piece.text)
}

/** Parses an event only when it can hold usage: most do not. */
function usage(data: string): Usage | undefined {
  const body = saysAnything(data, '"usage":') ? parseObject(data) : undefined
  const found = body && usageOf(body)
  return found && decodeUsage(found)
}

/** A delta with a field that says something, past a role and empty fields. One anchored expression is 50 ns; five searches for quoted names, 800. */
const CONTENT = /"delta":\s*\{\s*(?:"\w+":\s*(?:null|""|\d+|"assistant"),\s*)*"(?!role")\w+":\s*(?:"[^"]|\[[^\]]|\{[^}])/

/**
 * What an event means. A quote inside a JSON string is always escaped, so a mark such as `"usage":` never stands in text
 * that the model wrote. `finish` may hold usage and content too, `content` may hold usage (Perplexity counts along); `usage`
 * is the event that holds nothing else, so that it can be kept from a client that did not ask for it.
 */
function mark({ event, data }: Frame): FrameMark {
  if (data === '[DONE]') return 'terminal'
  if (event === 'error' || data.startsWith('{"error"')) return 'error'
  if (saysAnything(data, FINISH)) return isLateError(data) ? 'error' : 'finish'
  if (CONTENT.test(data)) return 'content'
  if (isLateError(data)) return 'error'
  return saysAnything(data, '"usage":') && !saysAnything(data, '"choices":') ? 'usage' : 'other'
}

/** An error behind other fields. Azure's filter results hold an `error` of their own further down, so that only parsing tells. */
function isLateError(data: string): boolean {
  if (!data.includes('"error"')) return false
  const body = parseObject(data)
  return body !== undefined && isErrorBody(body)
}

/** A piece of arguments, the most frequent event with calls: nothing to look for. */
const ARGUMENTS = /"tool_calls":\s*\[\s*\{\s*"index":\s*\d+,\s*"function":\s*\{\s*"arguments":/

/** Text as a list of pieces, as Mistral writes thoughts: OpenAI's client adds objects up as text. Log-probabilities have such a list of their own. */
const LIST = '"content":['
const LISTED = /"delta":\s*\{[^[{]*"content":\[/

/** OpenAI's own client throws where no role came before content, a call has no index, type or id, or an event no choices. */
function strictness(
  { data }: Frame,
  meaning: FrameMark,
  { isOpen, wholeCalls }: { isOpen: boolean; wholeCalls?: boolean | undefined },
): Strictness {
  if (wholeCalls) return fitsWholeCalls(data, meaning) ? 'fits' : 'breaks'
  if (meaning === 'usage') return 'fits'
  if (data.includes(LIST) && LISTED.test(data)) return 'breaks'
  if (!isOpen && data.includes('"role":')) return hasLooseCalls(data) ? 'breaks' : 'opens'
  if (meaning === 'other') return data.includes('"choices":') ? 'fits' : 'breaks'
  return isOpen && !hasLooseCalls(data) ? 'fits' : 'breaks'
}

const CALLS = /"tool_calls":\s*\[\s*\{/

/** Mistral's client takes lists of pieces and needs no role, but calls that are whole, and an end in every choice. */
function fitsWholeCalls(data: string, meaning: FrameMark): boolean {
  return meaning === 'usage' || (data.includes('"finish_reason":') && !CALLS.test(data))
}

function hasLooseCalls(data: string): boolean {
  if (!data.includes('"tool_calls":') || ARGUMENTS.test(data)) return false
  const deltas = objects(parseObject(data)?.choices).map((choice) => choice.delta)
  return deltas.some((delta) => isObject(delta) && objects(delta.tool_calls).some(isLoose))
}

function isLoose(call: JsonObject): boolean {
  if (!Number.isInteger(call.index)) return true
  const body = call.function ?? call.custom
  const isFirst = isObject(body) && typeof body.name === 'string' && body.name !== ''
  return isFirst && (typeof call.type !== 'string' || typeof call.id !== 'string')
}
