import { expect, test } from 'vitest'
import type { StreamPart } from '../../../core/canonical/chat.ts'
import { Deadlines } from '../../../core/deadlines.ts'
import type { Fold } from '../../../core/fold.ts'
import { TranslateLane, type TranslateOptions } from '../../../core/stream/translate.ts'
import { format as openaiChat } from '../../../providers/formats/openai-chat/index.ts'

const event = (delta: object, finish: string | null): Buffer =>
  Buffer.from(`data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`)

/** Holds text back and lets it go 100 ms after it was asked to, as a guardrail that batches does. */
const batching: Fold<StreamPart, StreamPart, { held: StreamPart[]; dueAt: number }> = {
  start: () => ({ held: [], dueAt: 0 }),
  step(state, part, out) {
    if (part.type !== 'part-delta') {
      for (const held of state.held.splice(0)) out.push(held)
      out.push(part)
      return
    }
    state.held.push(part)
    out.wake(0)
  },
  tick(state, now, out) {
    if (state.dueAt === 0) state.dueAt = now + 100
    if (now < state.dueAt) return out.wake(state.dueAt)
    for (const held of state.held.splice(0)) out.push(held)
  },
  end(state, out) {
    for (const held of state.held.splice(0)) out.push(held)
  },
}

test('a stage is woken when it asked to be, its output is sent at once, and no alarm outlives the stream', () => {
  let now = 1_000
  const deadlines = new Deadlines({ now: () => now, every: () => () => {} })
  const sent: string[] = []
  const options: TranslateOptions = {
    source: openaiChat,
    target: openaiChat,
    live: { write: (chunk) => void sent.push(String(chunk)), commit() {}, now: () => now, deadlines },
    extra: undefined,
    extraOnAll: false,
    sendsRaw: false,
    wantsUsage: false,
    hidesUsage: false,
    explain: (error) => error as never,
    finish: (_, closing = '') => void sent.push(String(closing)),
    stages: [{ on: 'parts', fold: batching }],
    reply: { id: 'x', created: 1, model: 'm' },
    carry: undefined,
    onBusy() {},
  }
  const lane = new TranslateLane(options)
  lane.data(event({ role: 'assistant', content: 'one' }, null))
  expect(sent.join('')).not.toContain('one')
  deadlines.sweep()
  now += 99
  deadlines.sweep()
  expect(sent.join('')).not.toContain('one')
  now += 1
  deadlines.sweep()
  expect(sent.join('')).toContain('"content":"one"')
  lane.data(event({}, 'stop'))
  lane.data(Buffer.from('data: [DONE]\n\n'))
  expect(sent.join('')).toMatch(/\[DONE\]\n\n$/)
  expect(deadlines.size).toBe(0)
})
