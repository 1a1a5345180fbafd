import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { Frame, FrameMark, Lens, Splice } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { isErrorBody } from './error.ts'
import { contentPieces } from './response.ts'
import { objects } from './types.ts'
import { decodeUsage, usageOf } from './usage.ts'

/** Reads and edits requests and events of this format without decoding them. */
export const lens: Lens = {
  model(scan) {
    const model = scan.value('model')
    return typeof model === 'string' ? model : undefined
  },
  withModel(scan, model) {
    const span = scan.spans.get('model')
    return span ? { start: span.start, end: span.end, text: JSON.stringify(model) } : insertion(scan, 'model', JSON.stringify(model))
  },
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens: (scan) => numberAt(scan, 'max_completion_tokens') ?? numberAt(scan, 'max_tokens'),
  choices: (scan) => numberAt(scan, 'n'),
  messageCount(scan) {
    const messages = scan.value('messages')
    return Array.isArray(messages) ? messages.length : 0
  },
  texts: (scan) => objects(scan.value('messages')).flatMap(textsOf),
  without,
  withStreamUsage(scan) {
    const span = scan.spans.get('stream_options')
    const options = scan.value('stream_options')
    if (isObject(options) && options.include_usage === true) return []
    const text = JSON.stringify({ ...(isObject(options) ? options : undefined), include_usage: true })
    return [span ? { start: span.start, end: span.end, text } : insertion(scan, 'stream_options', text)]
  },
  usage,
  mark,
}

function numberAt(scan: Scan, name: string): number | undefined {
  const value = scan.value(name)
  return typeof value === 'number' ? value : undefined
}

function insertion(scan: Scan, name: string, value: string): Splice {
  const comma = scan.spans.size > 0 ? ',' : ''
  return { start: scan.close, end: scan.close, text: `${comma}${JSON.stringify(name)}:${value}` }
}

function textsOf(message: JsonObject): string[] {
  return contentPieces(message.content).map((piece) => piece.text)
}

/**
 * Takes fields out with one comma each: a field goes with the comma behind it, and those at the end with the comma before
 * them, so that what stays is an object again.
 */
function without(scan: Scan, names: readonly string[]): Splice[] {
  if (!names.some((name) => scan.spans.has(name))) return []
  const fields = [...scan.spans].map(([name, span]) => ({ ...span, isKept: !names.includes(name) }))
  const lastKept = fields.findLastIndex((field) => field.isKept)
  const splices: Splice[] = []
  fields.forEach((field, index) => {
    const next = fields[index + 1]
    if (!field.isKept && index < lastKept && next) splices.push({ start: field.keyStart, end: next.keyStart, text: '' })
  })
  const last = fields.at(-1)
  if (last && lastKept < fields.length - 1) {
    const start = fields[lastKept]?.end ?? (fields[0]?.keyStart as number)
    splices.push({ start, end: last.end, text: '' })
  }
  return splices
}

function usage(data: string): Usage | undefined {
  const body = parse(data)
  const found = body && usageOf(body)
  return found && decodeUsage(found)
}

function parse(data: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(data)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Fields of a delta that carry content when they are not empty, most frequent first. */
const CONTENT_MARKS = ['"content":', '"reasoning_content":', '"reasoning":', '"tool_calls":', '"refusal":', '"reasoning_details":', '"audio":', '"images":', '"function_call":']

/**
 * What an event means. A quote inside a JSON string is always escaped, so a mark such as `"usage":` never stands in text
 * that the model wrote. The event with the finish reason may hold usage and content too; one with content may hold
 * usage (Perplexity counts along), which the last one repeats.
 */
function mark({ event, data }: Frame): FrameMark {
  if (data === '[DONE]') return 'terminal'
  if (event === 'error' || data.startsWith('{"error"') || isLateError(data)) return 'error'
  if (saysAnything(data, '"finish_reason":')) return 'finish'
  for (const name of CONTENT_MARKS) if (saysAnything(data, name)) return 'content'
  return saysAnything(data, '"usage":') ? 'usage' : 'other'
}

/** Azure's filter results hold an `error` of their own further down, so that only parsing tells. */
function isLateError(data: string): boolean {
  if (!data.includes('"error":')) return false
  const body = parse(data)
  return body !== undefined && isErrorBody(body)
}

/** Whether the field is there with more than null, an empty string, an empty list or an empty object. */
function saysAnything(data: string, name: string): boolean {
  let at = data.indexOf(name)
  while (at >= 0) {
    let next = at + name.length
    while (data.charCodeAt(next) === 0x20) next++
    const opening = data[next]
    const following = data[next + 1]
    if (opening === '"' ? following !== '"' : opening === '[' ? following !== ']' : opening === '{' && following !== '}') return true
    at = data.indexOf(name, next)
  }
  return false
}
