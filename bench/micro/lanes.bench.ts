import { test } from 'vitest'
import { Deadlines, systemClock } from '../../core/deadlines.ts'
import { ExtraFields } from '../../core/extra-fields.ts'
import type { Format } from '../../core/format.ts'
import type { Lane } from '../../core/stream/lane.ts'
import { PassthroughLane } from '../../core/stream/passthrough.ts'
import { TranslateLane, type TranslateOptions } from '../../core/stream/translate.ts'
import { format as anthropicMessages } from '../../providers/formats/anthropic-messages/index.ts'
import { format as openaiChat } from '../../providers/formats/openai-chat/index.ts'

const EVENTS = 50
const chunk = (delta: object, finish: string | null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const event = (value: { type: string }): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`

const openaiStream = Buffer.from(
  `${chunk({ role: 'assistant', content: '' }, null)}${chunk({ content: 'a few more ' }, null).repeat(EVENTS)}${chunk({}, 'stop')}data: [DONE]\n\n`,
)
const start = {
  type: 'message_start',
  message: { id: 'msg', role: 'assistant', model: 'c', content: [], usage: { input_tokens: 9, output_tokens: 1 } },
}
const open = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
const text = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a few more ' } }
const close = { type: 'content_block_stop', index: 0 }
const finish = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 99 } }
const anthropicStream = Buffer.from(
  [start, open].map(event).join('') + event(text).repeat(EVENTS) + [close, finish, { type: 'message_stop' }].map(event).join(''),
)

const deadlines = new Deadlines(systemClock)
let bytes = 0
function options(source: Format, onPart?: () => void): TranslateOptions {
  const facts = { requestType: 'chat_completion_stream', provider: 'p', originalModel: 'm', resolvedModel: 'm' }
  return {
    source,
    target: openaiChat,
    live: {
      write(piece) {
        bytes += piece.length
      },
      commit() {},
      now: () => 0,
      deadlines,
    },
    extra: new ExtraFields(facts, 0),
    extraOnAll: false,
    sendsRaw: false,
    wantsUsage: false,
    hidesUsage: false,
    explain: (error) => error as never,
    finish() {},
    stages: [],
    reply: { id: 'x', created: 1, model: 'm' },
    carry: undefined,
    onBusy() {},
    onPart,
  }
}

function run(lane: Lane, stream: Buffer): void {
  lane.data(stream)
  lane.end()
  if (bytes === 0) throw new Error('nothing was written')
}

test('a stream of 50 events in one read', async ({ bench }) => {
  await bench.compare(
    bench('passthrough', () => run(new PassthroughLane(options(openaiChat)), openaiStream)),
    bench('translated by pattern', () => run(new TranslateLane(options(anthropicMessages)), anthropicStream)),
    bench('translated in full', () => run(new TranslateLane(options(anthropicMessages, () => {})), anthropicStream)),
  )
})
