import { isObject, parseObject } from '../../../core/canonical/json.ts'
import type { FrameMark, Lens } from '../../../core/format.ts'
import { withoutFields } from '../shared/body-edits.ts'
import { decodeUsage } from './usage.ts'

/** Reads and edits generateContent bodies and events without decoding them. Model and streaming are said by the path, never by the body. */
export const lens: Lens = {
  model: () => undefined,
  withModel: () => ({ start: 0, end: 0, text: '' }),
  stream: () => false,
  maxOutputTokens(scan) {
    const config = scan.value('generationConfig')
    const limit = isObject(config) ? config.maxOutputTokens : undefined
    return typeof limit === 'number' ? limit : undefined
  },
  choices(scan) {
    const config = scan.value('generationConfig')
    const count = isObject(config) ? config.candidateCount : undefined
    return typeof count === 'number' ? count : undefined
  },
  messageCount(scan) {
    const contents = scan.value('contents')
    return Array.isArray(contents) ? contents.length : 0
  },
  texts(scan) {
    const texts: string[] = []
    addTexts(texts, scan.value('systemInstruction') ?? scan.value('system_instruction'))
    const contents = scan.value('contents')
    if (Array.isArray(contents)) for (const content of contents) addTexts(texts, content)
    return texts
  },
  without: withoutFields,
  // Every event brings it.
  withStreamUsage: () => [],
  usage: (data) => (data.includes('"usageMetadata"') ? decodeUsage(parseObject(data)?.usageMetadata) : undefined),
  mark,
}

function addTexts(texts: string[], content: unknown): void {
  if (!isObject(content) || !Array.isArray(content.parts)) return
  for (const part of content.parts) if (isObject(part) && typeof part.text === 'string') texts.push(part.text)
}

/** The last event has the finish reason, and usage with it; text in an event cannot look like these marks, because its quotes are escaped. */
function mark({ data }: { data: string }): FrameMark {
  if (data.includes('"finishReason"')) return 'finish'
  if (data.includes('"parts"')) return 'content'
  return /^\s*\[?\s*\{\s*"error"/.test(data) ? 'error' : 'other'
}
