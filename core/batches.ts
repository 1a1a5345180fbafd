/**
 * Does the work for each item, so many at once, and resolves with the outcomes in the order of the items. Stores commit together what waits
 * together. Where some of a batch fail, the first failure is thrown once all of the batch have ended, and no further batch begins.
 */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let start = 0; start < items.length; start += size) {
    for (const outcome of await Promise.allSettled(items.slice(start, start + size).map(work))) {
      if (outcome.status === 'rejected') throw outcome.reason
      results.push(outcome.value)
    }
  }
  return results
}
