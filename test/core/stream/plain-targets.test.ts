import { describe, expect, test } from 'vitest'
import type { StreamPart } from '../../../core/canonical/chat.ts'
import { foldParts } from '../../../core/canonical/collect.ts'
import { decoderOf } from '../../../core/stream/framing.ts'
import { formats } from '../../../providers/formats/index.ts'
import { runFold } from '../../conformance/format.ts'
import { translated } from '../../helpers/translate-lane.ts'

const source = formats.find(({ name }) => name === 'openai-chat') as (typeof formats)[number]
/** They have no calls, or no provider's side that reads them. */
const OTHERS = ['openai-completions', 'bedrock-invoke']
const TARGETS = formats.filter(({ inbound, outbound, name, isWhole }) => inbound && outbound && !isWhole && !OTHERS.includes(name))

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c1', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const call = (args: object) => chunk({ tool_calls: [{ index: 0, ...args }] })
const TEXTS = ['Hello', ' wor', 'ld', ' and\\n', ' "quotes"', ' – 你好', ' 👩‍🚀', ' on']
/** Text, a call, and text again: what is told of the second text must not be what was told of the first. */
const EVENTS = [
  chunk({ role: 'assistant', content: '' }),
  ...TEXTS.map((content) => chunk({ content })),
  call({ id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } }),
  call({ function: { arguments: '{"a":1}' } }),
  ...TEXTS.map((content) => chunk({ content })),
  chunk({}, 'tool_calls'),
  'data: [DONE]\n\n',
]

/** What a client of the target reads of the stream, whose events come in reads of `size` events. */
function readOf(target: (typeof formats)[number], size: number): string[] {
  const reads = []
  for (let at = 0; at < EVENTS.length; at += size) reads.push(Buffer.from(EVENTS.slice(at, at + size).join('')))
  const frames = runFold(decoderOf(target.framing), [translated(reads, { source, target })]).out
  const { out, error } = runFold(target.outbound?.decodeStream as never, frames, {})
  expect(error).toBeUndefined()
  const [choice] = foldParts(out as StreamPart[]).choices
  return (
    choice?.parts.map((part) =>
      part.type === 'text' ? part.text : part.type === 'tool-call' ? `${part.name}${part.arguments}` : part.type,
    ) ?? []
  )
}

describe.each(TARGETS.map((target) => [target.name, target] as const))('to %s', (name, target) => {
  test.each([1, 3, EVENTS.length])('text by pattern says what text in full says, by reads of %i events', (size) => {
    const text = TEXTS.join('')
    const parts = readOf(target, size)
    // OpenAI's chat and Cohere's have one text and then calls; Gemini's calls are told when they are whole.
    const isOrdered = !['openai-chat', 'cohere-chat', 'gemini'].includes(name)
    if (isOrdered) expect(parts).toEqual([text, 'f{"a":1}', text])
    else expect([...parts].sort().join('').replaceAll(text, 'T')).toContain('TT')
  })
})
