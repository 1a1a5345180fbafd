import { expect, test } from 'vitest'
import { Sweep, systemClock } from '../../../transports/http/sweep.ts'
import { manualClock, signal } from './harness.ts'

test('the interval runs only while something is watched', () => {
  const clock = manualClock()
  const sweep = new Sweep(clock, 100)
  const seen: number[] = []
  const item = { sweep: (now: number) => seen.push(now) }
  expect(clock.running()).toBe(0)
  sweep.add(item)
  sweep.add(item)
  expect(clock.running()).toBe(1)
  clock.advance(100)
  sweep.delete(item)
  sweep.delete(item)
  clock.advance(100)
  expect(clock.running()).toBe(0)
  clock.advance(100)
  expect(seen).toEqual([101])
})

test('an item may take itself off', () => {
  const clock = manualClock()
  const sweep = new Sweep(clock, 100)
  const seen: string[] = []
  const make = (name: string) => {
    const item = {
      sweep() {
        seen.push(name)
        sweep.delete(item)
      },
    }
    return item
  }
  sweep.add(make('a'))
  sweep.add(make('b'))
  clock.advance(100)
  expect(seen).toEqual(['a', 'b'])
  expect(clock.running()).toBe(0)
})

test('the real clock ticks and stops', async () => {
  const ticked = signal()
  const stop = systemClock.every(1, ticked.resolve)
  await ticked.promise
  stop()
  expect(systemClock.now()).toBeGreaterThan(0)
})
