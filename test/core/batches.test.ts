import { expect, test } from 'vitest'
import { inBatches } from '../../core/batches.ts'

test('so many at once and no more, outcomes in order', async () => {
  let [running, most] = [0, 0]
  const results = await inBatches([5, 4, 3, 2, 1], 2, async (item) => {
    running += 1
    most = Math.max(most, running)
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve()
    running -= 1
    return item * 10
  })
  expect(results).toEqual([50, 40, 30, 20, 10])
  expect(most).toBe(2)
})

test('a failure waits for what is under way and ends the rest', async () => {
  const ended: number[] = []
  const work = async (item: number) => {
    if (item === 1) throw new Error('failed')
    await Promise.resolve()
    ended.push(item)
  }
  await expect(inBatches([1, 2, 3, 4], 2, work)).rejects.toThrow('failed')
  expect(ended).toEqual([2])
  expect(await inBatches([], 2, work)).toEqual([])
})
