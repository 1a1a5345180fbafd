import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchHeartbeats } from '../../../core/threads/heartbeat.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('blames a silent thread, once, and none that is heard of', () => {
  const silent = { lastHeard: performance.now() }
  const lively = { lastHeard: performance.now() }
  const blamed: object[] = []
  const stop = watchHeartbeats(
    () => [silent, lively],
    1000,
    (thread) => blamed.push(thread),
  )
  for (let i = 0; i < 20; i++) {
    lively.lastHeard = performance.now()
    vi.advanceTimersByTime(250)
  }
  expect(blamed).toEqual([silent])
  stop()
})

it('blames nobody when it was itself that stood still', () => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const thread = { lastHeard: 0 }
  const blamed: object[] = []
  const stop = watchHeartbeats(
    () => [thread],
    1000,
    (silent) => blamed.push(silent),
  )
  now = 60_000
  vi.advanceTimersByTime(250)
  expect(blamed).toEqual([])
  stop()
})
