import { isObject, parseObject } from '../../../core/canonical/json.ts'
import type { Frame, FrameMark, Lens } from '../../../core/format.ts'
import { withoutFields } from '../shared/body-edits.ts'
import { isFailure } from './error.ts'
import { decodeUsage } from './usage.ts'

/** Reads and edits Converse bodies and events without decoding them. Model and streaming are said by the path, never by the body. */
export const lens: Lens = {
  model: () => undefined,
  withModel: () => ({ start: 0, end: 0, text: '' }),
  stream: () => false,
  maxOutputTokens(scan) {
    const config = scan.value('inferenceConfig')
    const limit = isObject(config) ? config.maxTokens : undefined
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
  // Bedrock always tells it.
  withStreamUsage: () => [],
  usage: (data) => (data.includes('"usage"') ? decodeUsage(parseObject(data)?.usage) : undefined),
  mark,
  plainText: '"text":"',
  // So that nobody can guess words by the length of events.
  padding: /,"p":"[a-zA-Z0-9]*"\}$/y,
}

/** Texts of blocks, those inside tool results and guarded ones included. */
function addTexts(texts: string[], content: unknown): void {
  if (!Array.isArray(content)) return
  for (const block of content) {
    if (!isObject(block)) continue
    const guarded = isObject(block.guardContent) && isObject(block.guardContent.text) ? block.guardContent.text : undefined
    if (typeof block.text === 'string') texts.push(block.text)
    else if (typeof guarded?.text === 'string') texts.push(guarded.text)
    else if (isObject(block.toolResult)) addTexts(texts, block.toolResult.content)
  }
}

const MARKS = new Map<string | undefined, FrameMark>([
  ['contentBlockDelta', 'content'],
  ['messageStart', 'other'],
  ['contentBlockStop', 'other'],
  ['messageStop', 'finish'],
  ['metadata', 'usage'],
])

/** `messageStop` ends the answer, `metadata` follows it with the usage; of starts only a call's is content already. */
function mark({ event, data }: Frame): FrameMark {
  if (event === 'contentBlockStart') return data.includes('"toolUse"') ? 'content' : 'other'
  return MARKS.get(event) ?? (isFailure(event, undefined) ? 'error' : 'other')
}
