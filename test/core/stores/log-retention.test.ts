import { expect, onTestFinished, test } from 'vitest'
import { keepRetention } from '../../../core/stores/log-retention.ts'
import { memoryLogStore } from '../../../core/stores/memory-logs.ts'
import { type LogStore, StoreError } from '../../../core/stores/stores.ts'
import { record, START } from '../../conformance/log-kit.ts'
import { turn, until } from '../../helpers/clock.ts'
import { memoryLog } from '../../helpers/plugins.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Keeps a store in memory by a clock that moves by the pauses that are made. */
function kept(days: () => number, onSweep: LogStore['sweep'] = () => Promise.reject(new Error('not set')), random = 0) {
  const seen = { pauses: [] as number[], sweeps: [] as [before: number, most: number][] }
  const log = memoryLog()
  let now = START + 400 * DAY_MS
  const stop = keepRetention({
    store: {
      sweep(before, most) {
        seen.sweeps.push([before, most])
        return onSweep(before, most)
      },
    },
    days,
    log,
    now: () => now,
    async pause(ms, signal) {
      seen.pauses.push(ms)
      now += ms
      await turn()
      signal.throwIfAborted()
    },
    random: () => random,
  })
  onTestFinished(stop)
  return { seen, log, stop }
}

test('what is too old goes in small steps with pauses, at once and every hour', async () => {
  const store = memoryLogStore()
  for (let from = 0; from < 1200; from += 100) {
    await store.append(Array.from({ length: 100 }, (_, index) => record(`old ${from + index}`, index)))
  }
  await store.append([record('new', 399 * 1440)])
  const { seen, log, stop } = kept(
    () => 365,
    (before, most) => store.sweep(before, most),
  )
  await until(() => seen.pauses.includes(HOUR_MS))
  expect(seen.sweeps.slice(0, 3)).toEqual([1, 2, 3].map(() => [START + 35 * DAY_MS, 500]))
  expect(seen.pauses.slice(0, 3)).toEqual([50, 50, HOUR_MS])
  expect(log.lines).toMatchObject([{ level: 'info', facts: { removed: 1200, days: 365 } }])
  expect((await store.find({ limit: 10 })).map(({ id }) => id)).toEqual(['new'])
  await until(() => seen.sweeps.length > 3)
  stop()
})

test('days are asked for at every sweep, and none keeps everything', async () => {
  let days = 0
  const { seen } = kept(
    () => days,
    async () => 0,
    0.4,
  )
  await until(() => seen.pauses.length === 2)
  expect(seen).toMatchObject({ sweeps: [], pauses: [HOUR_MS * 1.1, HOUR_MS * 1.1] })
  days = 7
  await until(() => seen.sweeps.length === 1)
  expect(seen.sweeps[0]?.[0]).toBeGreaterThanOrEqual(START + 393 * DAY_MS)
})

test('a store that is away is tried again every minute, and that is said once', async () => {
  let failures = 3
  const { seen, log } = kept(
    () => 1,
    async () => {
      if (failures-- > 0) throw new StoreError('unavailable', 'away')
      return 0
    },
  )
  await until(() => seen.pauses.includes(HOUR_MS))
  expect(seen.pauses).toEqual([60_000, 60_000, 60_000, HOUR_MS])
  expect(log.lines).toMatchObject([{ level: 'warn', facts: { err: { message: 'away' } } }])
})

test('it stops when told, in a step and between two', async () => {
  const { seen, stop, log } = kept(
    () => 1,
    async () => 500,
  )
  await until(() => seen.sweeps.length === 5)
  stop()
  const { length } = seen.sweeps
  for (let turns = 0; turns < 20; turns++) await turn()
  expect(seen.sweeps.length).toBeLessThanOrEqual(length + 1)
  expect(log.lines).toEqual([])
})
