import { expect, test } from 'vitest'
import { Deadlines, systemClock } from '../../../core/deadlines.ts'
import type { Reply } from '../../../core/edge.ts'
import { LiveStream } from '../../../core/stream/live.ts'

function open() {
  const log: string[] = []
  const live = new LiveStream({
    deadlines: new Deadlines(systemClock),
    commitAfterMs: 0,
    keepAlive: undefined,
    onCommit: () => void log.push('commit'),
    onFailure() {},
    onEnd() {},
  })
  live.source = { pause: () => void log.push('pause'), resume: () => void log.push('resume'), abort() {} }
  const reply: Reply = {
    isAborted: false,
    onAbort() {},
    send() {},
    start() {},
    write: (chunk) => {
      log.push(`write ${chunk.length}`)
      return true
    },
    onDrain() {},
    end() {},
    destroy() {},
  }
  return { log, live, reply }
}

test('a stream that commits goes on, and what comes before the reply waits', () => {
  const { log, live, reply } = open()
  live.commit()
  live.write('a'.repeat(1000))
  expect(log).toEqual(['commit'])
  live.attach(reply, 200, [])
  live.write('b')
  expect(log).toEqual(['commit', 'write 1000', 'resume', 'write 1'])
})

test('a source that runs far ahead of the reply is paused until it is there', () => {
  const { log, live, reply } = open()
  live.commit()
  live.write('a'.repeat(65_536))
  expect(log).toEqual(['commit'])
  live.write('b')
  expect(log).toEqual(['commit', 'pause'])
  live.attach(reply, 200, [])
  expect(log).toEqual(['commit', 'pause', 'write 65536', 'write 1', 'resume'])
})

test('much without content commits, and pauses the source too', () => {
  const { log, live } = open()
  live.write('a'.repeat(65_537))
  expect(log).toEqual(['commit', 'pause'])
})
