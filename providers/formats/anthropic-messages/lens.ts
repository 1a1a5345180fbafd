import { isObject, parseObject } from '../../../core/canonical/json.ts'
import type { Frame, FrameMark, Lens } from '../../../core/format.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { decodeUsage } from './usage.ts'

/** Reads and edits Messages bodies and events without decoding them. */
export const lens: Lens = {
  model: (scan) => asText(scan.value('model')),
  withModel: (scan, model) => withField(scan, 'model', model),
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens(scan) {
    const limit = scan.value('max_tokens')
    return typeof limit === 'number' ? limit : undefined
  },
  choices: () => undefined,
  messageCount(scan) {
    const messages = scan.value('messages')
    return Array.isArray(messages) ? messages.length : 0
  },
  texts(scan) {
    const texts: string[] = []
    addTexts(texts, scan.value('system'))
    const messages = scan.value('messages')
    if (Array.isArray(messages)) for (const message of messages) if (isObject(message)) addTexts(texts, message.content)
    return texts
  },
  without: withoutFields,
  // Anthropic always tells it.
  withStreamUsage: () => [],
  usage: readUsage,
  mark,
  plainText: '"text":"',
}

/** Texts of a string or of blocks, those inside tool results included. */
function addTexts(texts: string[], content: unknown): void {
  if (typeof content === 'string') texts.push(content)
  if (!Array.isArray(content)) return
  for (const block of content) {
    if (!isObject(block)) continue
    if (block.type === 'text') addTexts(texts, block.text)
    else if (block.type === 'tool_result') addTexts(texts, block.content)
  }
}

/**
 * Usage of a whole answer, or of the events that have some: `message_start` (the input) and `message_delta` (cumulative, and
 * from older models the output alone: input 0). Who adds them up keeps the earlier count where the later is 0.
 */
function readUsage(data: string): ReturnType<Lens['usage']> {
  if (!data.includes('"usage"')) return undefined
  const body = parseObject(data)
  const message = isObject(body?.message) ? body.message : undefined
  return decodeUsage(body?.usage ?? message?.usage)
}

const MARKS = new Map<unknown, FrameMark>([
  ['content_block_delta', 'content'],
  ['message_start', 'other'],
  ['message_delta', 'finish'],
  ['message_stop', 'terminal'],
  ['error', 'error'],
  ['content_block_stop', 'other'],
  ['ping', 'other'],
])

const TYPE = /"type"\s*:\s*"([a-z_]+)"/

/**
 * No event holds usage alone: `message_start` opens the answer, `message_delta` has the finish and the usage. The start of a text or thinking block is empty
 * and therefore nothing yet: a provider may still fail without harm.
 */
function mark(frame: Frame): FrameMark {
  const type = frame.event ?? typeOf(frame.data)
  if (type !== 'content_block_start') return MARKS.get(type) ?? 'other'
  return /"type"\s*:\s*"(?:text|thinking)"/.test(frame.data) ? 'other' : 'content'
}

/** The event's type, which Anthropic writes first; parsed where another type comes first. */
function typeOf(data: string): unknown {
  const first = TYPE.exec(data)?.[1]
  return MARKS.has(first) || first === 'content_block_start' ? first : parseObject(data)?.type
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
