import { test } from 'vitest'
import type { Frame } from '../../core/format.ts'
import { writerOf } from '../../core/stream/framing.ts'
import { awsEventStream } from '../../core/stream/framing-aws.ts'

/** Events of text, as a stream of them has. */
const frames: Frame[] = Array.from({ length: 50 }, (_, at) => ({
  event: 'contentBlockDelta',
  data: `{"contentBlockIndex":0,"delta":{"text":"${'a few more words '.slice(0, 4 + (at % 13))}"}}`,
}))
const written = write()
let read = 0
const sink = {
  push: () => void read++,
  end() {},
  refuse(error: Error) {
    throw error
  },
  wake() {},
}

function write(): Uint8Array {
  const writer = writerOf('aws-event-stream')
  for (const frame of frames) writer.add(frame)
  return writer.take() as Uint8Array
}

test('50 events of an AWS event stream', async ({ bench }) => {
  await bench.compare(
    bench('written, one take', () => void write()),
    bench('read, one read', () => awsEventStream.step(awsEventStream.start(), written, sink)),
  )
  if (read === 0) throw new Error('nothing was read')
})
