import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { createShared, openShared, SHARED_SLOTS } from '../../core/shared.ts'

const SHARED_URL = new URL('../../core/shared.ts', import.meta.url).href

/** Runs code in a thread that has the counters as `shared`; it ends when the code's promise does. */
function inThread(buffer: SharedArrayBuffer, code: string): { result: Promise<unknown>; post(message: unknown): void } {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.url).then(async ({ openShared }) => {
      const shared = openShared(workerData.buffer)
      ${code}
    })`
  const worker = new Worker(source, { eval: true, workerData: { url: SHARED_URL, buffer } })
  const result = new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { result, post: (message) => worker.postMessage(message) }
}

describe('shared counters', () => {
  it('never let more in than the limit, and take back what was given', () => {
    const { inFlight, queue } = openShared(createShared())
    expect([inFlight.tryTake(3, 2), inFlight.tryTake(3, 2), inFlight.tryTake(3, 2)]).toEqual([true, true, false])
    expect(inFlight.count(3)).toBe(2)
    inFlight.give(3)
    expect(inFlight.tryTake(3, 2)).toBe(true)
    expect(inFlight.count(4)).toBe(0)
    expect([queue.tryEnter(0, 1), queue.tryEnter(0, 1)]).toEqual([true, false])
    queue.leave(0)
    expect(queue.count(0)).toBe(0)
  })

  it('refuse a slot that does not exist', () => {
    const { inFlight } = openShared(createShared())
    expect(() => inFlight.tryTake(SHARED_SLOTS, 1)).toThrow(RangeError)
  })

  it('keep the later cool-down, to the millisecond', () => {
    const { coolDown, health } = openShared(createShared())
    const until = Date.now() + 5000
    coolDown.set(SHARED_SLOTS - 1, until)
    coolDown.set(SHARED_SLOTS - 1, until - 1000)
    expect(coolDown.until(SHARED_SLOTS - 1)).toBe(until)
    coolDown.clear(SHARED_SLOTS - 1)
    expect(coolDown.until(SHARED_SLOTS - 1)).toBe(0)
    health.set(1, 401)
    expect(health.status(1)).toBe(401)
  })

  it('hold under threads that take and give at once', async () => {
    const buffer = createShared()
    const code = `let most = 0
      for (let i = 0; i < 20000; i++) {
        if (!shared.inFlight.tryTake(1, 3)) continue
        most = Math.max(most, shared.inFlight.count(1))
        shared.inFlight.give(1)
      }
      parentPort.postMessage(most)`
    const most = await Promise.all([inThread(buffer, code).result, inThread(buffer, code).result, inThread(buffer, code).result])
    expect(Math.max(...(most as number[]))).toBeLessThanOrEqual(3)
    expect(openShared(buffer).inFlight.count(1)).toBe(0)
  })
})

describe('waiting for room', () => {
  const take = (shared: ReturnType<typeof openShared>) =>
    new Promise<void>((resolve) => {
      shared.waitForRoom(5, () => {
        if (!shared.inFlight.tryTake(5, 1)) return false
        resolve()
        return true
      })
    })

  it('serves waiters in order, one per place', async () => {
    const shared = openShared(createShared())
    shared.inFlight.tryTake(5, 1)
    const order: number[] = []
    const first = take(shared).then(() => order.push(1))
    const second = take(shared).then(() => order.push(2))
    shared.inFlight.give(5)
    await first
    expect(order).toEqual([1])
    shared.inFlight.give(5)
    await second
    expect(order).toEqual([1, 2])
  })

  it('sees a place that came free before it began to wait', async () => {
    await take(openShared(createShared()))
  })

  it('wakes a thread when another gives back', async () => {
    const buffer = createShared()
    const shared = openShared(buffer)
    shared.inFlight.tryTake(5, 1)
    const thread = inThread(
      buffer,
      `const alive = setInterval(() => {}, 1000)
       shared.waitForRoom(5, () => {
         if (!shared.inFlight.tryTake(5, 1)) {
           if (!globalThis.tried) shared.queue.tryEnter(5, 1)
           globalThis.tried = true
           return false
         }
         clearInterval(alive)
         parentPort.postMessage('taken')
         return true
       })`,
    )
    await waiting(() => shared.queue.count(5) === 1)
    shared.inFlight.give(5)
    expect(await thread.result).toBe('taken')
    expect(shared.inFlight.count(5)).toBe(1)
  })

  it('passes the wake-up on when the waiter it was meant for has left', async () => {
    const buffer = createShared()
    const shared = openShared(buffer)
    const other = openShared(buffer)
    shared.inFlight.tryTake(5, 1)
    const leave = shared.waitForRoom(5, () => false)
    await Promise.resolve()
    const taken = take(other)
    await Promise.resolve()
    leave()
    shared.inFlight.give(5)
    await taken
    expect(shared.inFlight.count(5)).toBe(1)
  })
})

async function waiting(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}
