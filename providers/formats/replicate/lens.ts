import { isObject, parseObject } from '../../../core/canonical/json.ts'
import type { FrameMark, Lens } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withoutFields } from '../shared/body-edits.ts'
import { decodeUsage } from './usage.ts'

const MARKS = new Map<string | undefined, FrameMark>([
  ['output', 'content'],
  ['done', 'terminal'],
  ['error', 'error'],
])
const LIMITS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens']
const TEXTS = ['system_prompt', 'system_instruction', 'prompt']

/** Reads bodies and events of predictions without decoding them. The model is said by the path, or is a version. */
export const lens: Lens = {
  model: () => undefined,
  withModel: () => ({ start: 0, end: 0, text: '' }),
  stream: (scan) => scan.value('stream') === true,
  maxOutputTokens: (scan) => LIMITS.map((name) => inputOf(scan)[name]).find((limit) => typeof limit === 'number'),
  choices: () => undefined,
  messageCount: (scan) => (inputOf(scan).prompt === undefined ? 0 : 1),
  texts: (scan) => TEXTS.map((name) => inputOf(scan)[name]).filter((text) => typeof text === 'string'),
  without: withoutFields,
  // Events of predictions never tell it.
  withStreamUsage: () => [],
  usage: (data) => (data.includes('_token_count"') ? decodeUsage(parseObject(data)?.metrics) : undefined),
  mark: ({ event }) => MARKS.get(event) ?? 'other',
}

function inputOf(scan: Scan): Record<string, unknown> {
  const input = scan.value('input')
  return isObject(input) ? input : {}
}
