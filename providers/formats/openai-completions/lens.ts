import { parseObject } from '../../../core/canonical/json.ts'
import type { FrameMark, Lens } from '../../../core/format.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { decodeUsage } from './response.ts'
import { text } from './types.ts'

/** Reads and edits bodies and events of text completions without decoding them. */
export const lens: Lens = {
  model: (scan) => text(scan.value('model')),
  withModel: (scan, model) => withField(scan, 'model', model),
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens: (scan) => numberOf(scan.value('max_tokens')),
  choices: (scan) => numberOf(scan.value('n')),
  messageCount: () => 1,
  texts(scan) {
    const prompt = scan.value('prompt')
    return (Array.isArray(prompt) ? prompt : [prompt]).filter((entry): entry is string => typeof entry === 'string')
  },
  without: withoutFields,
  withStreamUsage: (scan) => (scan.spans.has('stream_options') ? [] : [withField(scan, 'stream_options', { include_usage: true })]),
  usage: (data) => (data.includes('"usage"') ? decodeUsage(parseObject(data)?.usage) : undefined),
  mark,
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** The reason to stop ends a choice, an event without choices has the usage alone. */
function mark({ data }: { data: string }): FrameMark {
  if (data.startsWith('[DONE]')) return 'terminal'
  if (/"finish_reason"\s*:\s*"/.test(data)) return 'finish'
  if (/"choices"\s*:\s*\[\s*\]/.test(data)) return 'usage'
  if (/"text"\s*:\s*"[^"]/.test(data)) return 'content'
  return /^\s*\{\s*"error"/.test(data) ? 'error' : 'other'
}
