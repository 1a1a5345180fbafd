import { isObject, parseObject } from '../../../core/canonical/json.ts'
import type { Frame, FrameMark, Lens } from '../../../core/format.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** Reads and edits bodies and events of the Responses API without decoding them. */
export const lens: Lens = {
  model: (scan) => text(scan.value('model')),
  withModel: (scan, model) => withField(scan, 'model', model),
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens(scan) {
    const limit = scan.value('max_output_tokens')
    return typeof limit === 'number' ? limit : undefined
  },
  choices: () => undefined,
  messageCount(scan) {
    const input = scan.value('input')
    return Array.isArray(input) ? input.length : 1
  },
  texts(scan) {
    const texts: string[] = []
    addTexts(texts, scan.value('instructions'))
    addTexts(texts, scan.value('input'))
    return texts
  },
  without: withoutFields,
  // It is always told.
  withStreamUsage: () => [],
  usage(data) {
    if (!data.includes('"usage"')) return undefined
    const body = parseObject(data)
    return decodeUsage(isObject(body?.response) ? body.response.usage : body?.usage)
  },
  mark,
}

/** Texts of a string, of items, and of what they hold. */
function addTexts(texts: string[], content: unknown): void {
  if (typeof content === 'string') texts.push(content)
  if (!Array.isArray(content)) return
  for (const entry of content) {
    if (!isObject(entry)) continue
    if (typeof entry.text === 'string') texts.push(entry.text)
    else addTexts(texts, entry.content ?? entry.output)
  }
}

const TYPE = /"type"\s*:\s*"([a-z_.]+)"/

/** Deltas are content; the event that ends the answer has the usage, and nothing follows it. */
function mark({ event, data }: Frame): FrameMark {
  const type = event ?? TYPE.exec(data)?.[1] ?? ''
  if (type === 'response.completed' || type === 'response.incomplete') return 'terminal'
  if (type === 'error' || type === 'response.failed') return 'error'
  return type.endsWith('.delta') || type === 'response.output_item.done' ? 'content' : 'other'
}
