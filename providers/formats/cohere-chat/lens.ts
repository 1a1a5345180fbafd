import { isObject, type Json, parseObject } from '../../../core/canonical/json.ts'
import type { Frame, FrameMark, Lens } from '../../../core/format.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** Reads and edits bodies and events of POST /v2/chat without decoding them. */
export const lens: Lens = {
  model: (scan) => text(scan.value('model')),
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
    const messages = scan.value('messages')
    return Array.isArray(messages)
      ? (messages as readonly Json[]).flatMap((message) => (isObject(message) ? textsOf(message.content) : []))
      : []
  },
  without: withoutFields,
  // Cohere always tells it.
  withStreamUsage: () => [],
  usage(data) {
    if (!data.includes('"usage"')) return undefined
    const event = parseObject(data)
    return decodeUsage(isObject(event?.delta) ? event.delta.usage : event?.usage)
  },
  mark,
  plainText: '"text":"',
}

function textsOf(content: Json | undefined): string[] {
  if (typeof content === 'string') return [content]
  if (!Array.isArray(content)) return []
  return (content as readonly Json[]).flatMap((block) => (isObject(block) ? (text(block.text) ?? []) : []))
}

const MARKS = new Map<string | undefined, FrameMark>([
  ['content-delta', 'content'],
  ['tool-plan-delta', 'content'],
  ['tool-call-start', 'content'],
  ['tool-call-delta', 'content'],
])
const TYPE = /"type":\s*"([a-z-]+)"/
const FAILED = /"finish_reason":\s*"(?:ERROR|TIMEOUT)"/

/** `message-end` is finish, usage and end in one. */
function mark({ event, data }: Frame): FrameMark {
  const type = event ?? TYPE.exec(data)?.[1]
  if (type === 'message-end') return FAILED.test(data) ? 'error' : 'terminal'
  return MARKS.get(type) ?? (data === '[DONE]' ? 'terminal' : 'other')
}
