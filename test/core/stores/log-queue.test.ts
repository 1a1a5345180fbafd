import { describe, expect, test } from 'vitest'
import { LogQueue, type LogQueueOptions } from '../../../core/stores/log-queue.ts'
import type { LogRecord } from '../../../core/stores/log-records.ts'
import { memoryLogStore } from '../../../core/stores/memory-logs.ts'
import { StoreError } from '../../../core/stores/stores.ts'
import { record } from '../../conformance/log-kit.ts'
import { turn, until } from '../../helpers/clock.ts'
import { memoryLog } from '../../helpers/plugins.ts'

const away = new StoreError('unavailable', 'the store is away')

/** A queue over a store in memory, whose clock moves by the pauses that it makes, and whose store does what `onAppend` says. */
function queueOver(more: Partial<LogQueueOptions> = {}) {
  const store = memoryLogStore()
  const log = memoryLog()
  const seen = { batches: [] as string[][], pauses: [] as number[], now: 0 }
  const control = { onAppend: async (_: readonly LogRecord[]): Promise<void> => {} }
  const queue = new LogQueue({
    async append(records) {
      seen.batches.push(records.map(({ id }) => id))
      await control.onAppend(records)
      await store.append(records)
    },
    log,
    now: () => seen.now,
    async pause(ms, signal) {
      signal.throwIfAborted()
      seen.pauses.push(ms)
      seen.now += ms
      await turn()
      signal.throwIfAborted()
    },
    ...more,
  })
  const kept = async () => (await store.summarize({}))[0]?.requests ?? 0
  const add = (from: number, to: number, fields: Partial<LogRecord> = {}) => {
    for (let id = from; id < to; id++) queue.add(record(String(id), id, fields))
  }
  return { queue, store, log, seen, control, kept, add }
}

/** A gate that appends wait at. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { wait: () => promise, open: resolve }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => String(from + index))

describe('the queue of a log', () => {
  test('sends what comes together as one batch, in its order, at most 200 at once', async () => {
    const { seen, kept, add, queue } = queueOver()
    add(0, 5)
    await until(() => seen.batches.length === 1)
    expect(seen).toMatchObject({ batches: [numbers(0, 5)], pauses: [100] })
    await turn()
    add(5, 455)
    await queue.close()
    expect(seen.batches.slice(1)).toEqual([numbers(5, 205), numbers(205, 405), numbers(405, 455)])
    expect([await kept(), queue.dropped]).toEqual([455, 0])
  })

  test('sends a batch with less where its texts are large', async () => {
    const { seen, add, queue } = queueOver()
    add(0, 5, { body: 'x'.repeat(1.5 * 1024 * 1024) })
    await queue.close()
    expect(seen.batches).toEqual([['0', '1'], ['2', '3'], ['4']])
  })

  test('tries again with growing pauses and keeps the order, and loses nothing that fits', async () => {
    const { seen, control, kept, add, queue, log } = queueOver()
    let failures = 7
    control.onAppend = async () => {
      if (failures-- > 0) throw away
    }
    add(0, 3)
    await until(() => seen.batches.length === 3)
    add(3, 6)
    await until(() => failures < 0)
    await queue.close()
    expect(seen.pauses.filter((ms) => ms > 100)).toEqual([250, 500, 1000, 2000, 5000, 5000, 5000])
    const sent = seen.batches.at(-1)
    expect(sent).toEqual(numbers(0, 6))
    expect([await kept(), queue.dropped, log.lines]).toEqual([6, 0, []])
  })

  test('drops the oldest that wait when too many do, never what is being written, and says so once a minute', async () => {
    const { seen, control, kept, add, queue, log } = queueOver({ mostWaiting: 100 })
    const first = gate()
    control.onAppend = first.wait
    add(0, 10)
    await until(() => seen.batches.length === 1)
    control.onAppend = async () => {}
    add(10, 510)
    expect(queue.dropped).toBeGreaterThanOrEqual(410)
    const { dropped } = queue
    expect(log.lines).toHaveLength(1)
    expect(log.lines[0]).toMatchObject({ level: 'error', message: expect.stringContaining('dropped') })
    seen.now += 60_000
    add(510, 610)
    expect(log.lines).toHaveLength(2)
    expect(log.lines.reduce((sum, { facts }) => sum + Number(facts.dropped), 0)).toBe(log.lines[1]?.facts.total)
    first.open()
    await queue.close()
    expect(seen.batches[0]).toEqual(numbers(0, 10))
    const rest = seen.batches.slice(1).flat()
    expect(rest).toEqual(numbers(610 - rest.length, 610))
    expect(await kept()).toBe(610 - queue.dropped)
    expect(queue.dropped).toBeGreaterThan(dropped)
  })

  test('holds so much text at most', async () => {
    const { control, add, queue, kept } = queueOver({ mostText: 1000 })
    const first = gate()
    control.onAppend = first.wait
    add(0, 50, { content_summary: 'x'.repeat(60), body: 'y'.repeat(40) })
    expect(50 - queue.dropped).toBeLessThanOrEqual(10)
    add(50, 51, { body: 'z'.repeat(2000) })
    expect(queue.dropped).toBe(51)
    first.open()
    await queue.close()
    expect(await kept()).toBe(0)
  })

  test('of a batch with a record that is refused, loses that one alone', async () => {
    const { seen, kept, add, queue, log } = queueOver()
    add(0, 3)
    queue.add({ ...record('bad'), timestamp: Number.NaN })
    add(3, 6)
    await queue.close()
    expect([await kept(), queue.dropped]).toEqual([6, 1])
    expect(log.lines).toMatchObject([{ facts: { dropped: 1, err: { fault: 'corrupt' } }, message: expect.stringContaining('refuses') }])
    expect(seen.batches.slice(0, 2)).toEqual([['0', '1', '2', 'bad', '3', '4', '5'], ['0']])
  })

  test('at its end writes what waits, and counts what a store that is away did not take', async () => {
    const { add, queue, kept } = queueOver()
    add(0, 250)
    await queue.close()
    expect(await kept()).toBe(250)
    const lost = queueOver()
    lost.control.onAppend = () => Promise.reject(away)
    lost.add(0, 3)
    await until(() => lost.seen.batches.length === 2)
    await lost.queue.close()
    expect(lost.queue.dropped).toBe(3)
    expect(lost.log.lines).toHaveLength(1)
  })
})
