import { expect, test } from 'vitest'
import { GatewayError } from '../../../core/errors.ts'
import type { Lane, LaneOptions } from '../../../core/stream/lane.ts'
import { PendingLane } from '../../../core/stream/pending.ts'
import { format as openaiChat } from '../../../providers/formats/openai-chat/index.ts'

function pending(onOpen = (): void => {}): { lane: PendingLane; seen: string[]; ended: unknown[][] } {
  const seen: string[] = []
  const ended: unknown[][] = []
  const inner: Lane = {
    data: (chunk) => void seen.push(Buffer.from(chunk).toString()),
    end: () => void seen.push('end'),
    fail: (error) => void seen.push(error.code),
    usage: { inputTokens: 3, outputTokens: 4 } as never,
  }
  const finish: LaneOptions['finish'] = (error, closing) => void ended.push([error?.code, closing])
  const options = { target: openaiChat, explain: (error: Error) => error as GatewayError, finish } as LaneOptions
  const lane = new PendingLane(options, () => {
    onOpen()
    return inner
  })
  return { lane, seen, ended }
}

test('what came while stages were imported is handed over in order, then all goes straight through', () => {
  const { lane, seen } = pending()
  const lent = Buffer.from('one')
  lane.data(lent)
  // The reader uses its buffer again.
  lent.fill('x')
  lane.data(Buffer.from('two'))
  expect(seen).toEqual([])
  expect(lane.usage).toBeUndefined()
  lane.open([])
  expect(seen).toEqual(['one', 'two'])
  lane.data(Buffer.from('three'))
  lane.end()
  lane.fail(new GatewayError('GW_STREAM_IDLE'))
  expect(seen).toEqual(['one', 'two', 'three', 'end', 'GW_STREAM_IDLE'])
  expect(lane.usage).toMatchObject({ inputTokens: 3 })
})

test('an end that came meanwhile comes after the bytes', () => {
  const { lane, seen } = pending()
  lane.data(Buffer.from('one'))
  lane.end()
  lane.open([])
  expect(seen).toEqual(['one', 'end'])
})

test('a failure does not wait for an import that may never come, and ends it once', () => {
  const { lane, seen, ended } = pending()
  lane.data(Buffer.from('one'))
  lane.fail(new GatewayError('GW_STREAM_IDLE', { provider: 'p', ms: 1, key: 'k', attempt: 0 }))
  expect(ended).toEqual([['GW_STREAM_IDLE', expect.stringContaining('stream_idle_timeout')]])
  lane.open([])
  lane.break(new GatewayError('GW_INTERNAL'))
  lane.end()
  expect([seen, ended.length]).toEqual([[], 1])
})

test('a stage that cannot start is an error of whoever opens it, who then breaks the stream', () => {
  const { lane, seen, ended } = pending(() => {
    throw new Error('cannot start')
  })
  lane.data(Buffer.from('one'))
  expect(() => lane.open([])).toThrow('cannot start')
  lane.break(new GatewayError('GW_INTERNAL'))
  lane.data(Buffer.from('two'))
  expect([seen, ended]).toEqual([[], [['GW_INTERNAL', expect.stringContaining('internal_error')]]])
})
