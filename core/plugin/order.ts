import type { Plugin } from './plugin.ts'

/**
 * Plugins in the order they are set up: what is required comes first, else the order they are given in. What cannot be
 * satisfied is left out and reported, together with what depends on it.
 */
export function orderByRequires<Item extends { plugin: Plugin }>(items: readonly Item[]): { ordered: Item[]; problems: string[] } {
  const byName = new Map(items.map((item) => [item.plugin.name, item]))
  const problems: string[] = []
  const ordered: Item[] = []
  const states = new Map<Item, 'open' | 'placed' | 'impossible'>()

  const place = (item: Item, path: readonly string[]): boolean => {
    const { name, requires = [] } = item.plugin
    const state = states.get(item)
    if (state === 'open')
      problems.push(`plugins.${name}: requires itself through ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`)
    if (state) return state === 'placed'
    states.set(item, 'open')
    let isPossible = true
    for (const required of requires) {
      const other = byName.get(required)
      if (!other) problems.push(`plugins.${name}: requires "${required}", which is not configured`)
      if (!other || !place(other, [...path, name])) isPossible = false
    }
    states.set(item, isPossible ? 'placed' : 'impossible')
    if (isPossible) ordered.push(item)
    return isPossible
  }

  for (const item of items) place(item, [])
  return { ordered, problems }
}
