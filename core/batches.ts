/**
 * Does the work for each item, so many at once, and resolves with the outcomes in the order of the items. As one ends the next begins: stores commit together
 * what waits together, and are never idle. Where some fail, no further begin, and the first failure is thrown once all that were under way have ended.
 */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const failures: unknown[] = []
  let next = 0
  const workOn = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next++
      try {
        results[at] = await work(items[at] as Item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(size, items.length) }, workOn))
  if (failures.length > 0) throw failures[0]
  return results
}
