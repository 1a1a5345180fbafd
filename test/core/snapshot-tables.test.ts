import { describe, expect, it } from 'vitest'
import { emptyTables, freeze, SLICE_ENTRIES, Snapshot, slices } from '../../core/snapshot-tables.ts'

const provider = (name: string, url = 'http://a') => ({
  name,
  network: { baseUrl: url },
  keys: [{ id: 'k', models: { all: true, names: new Set() } }],
})

describe('a snapshot', () => {
  it('takes patches entry by entry and leaves what a request holds as it was', () => {
    const snapshot = new Snapshot()
    snapshot.apply({ version: 1, set: [['providers', 'a', provider('a')]], delete: [] })
    const held = snapshot.tables.providers.get('a')
    snapshot.apply({ version: 2, set: [['providers', 'a', provider('a', 'http://b')]], delete: [] })
    expect(held?.network.baseUrl).toBe('http://a')
    expect(snapshot.tables.providers.get('a')?.network.baseUrl).toBe('http://b')
    expect(snapshot.version).toBe(2)
    snapshot.apply({ version: 3, set: [], delete: [['providers', 'a']] })
    expect(snapshot.tables.providers.size).toBe(0)
  })

  it('has an entry that one patch both deletes and sets', () => {
    const snapshot = new Snapshot()
    snapshot.apply({ version: 1, set: [['providers', 'a', provider('a')]], delete: [['providers', 'a']] })
    expect(snapshot.tables.providers.has('a')).toBe(true)
  })

  it('freezes entries through and through', () => {
    const frozen = freeze(provider('a')) as { keys: { id: string }[] }
    expect(Object.isFrozen(frozen.keys[0])).toBe(true)
    expect(() => {
      frozen.keys.push({ id: 'other' })
    }).toThrow(TypeError)
  })

  it('travels in slices that add up to the whole', () => {
    const tables = emptyTables()
    const count = SLICE_ENTRIES * 2 + 1
    for (let i = 0; i < count; i++) tables.providers.set(`p${i}`, provider(`p${i}`) as never)
    const snapshot = new Snapshot()
    const all = [...slices(tables, 7)]
    for (const { patch } of all) snapshot.apply(structuredClone(patch))
    expect(all.map(({ isLast }) => isLast)).toEqual([false, false, true])
    expect(Math.max(...all.map(({ patch }) => patch.set.length))).toBe(SLICE_ENTRIES)
    expect(snapshot.tables.providers.size).toBe(count)
    expect(snapshot.version).toBe(7)
  })

  it('has a last slice also when it is empty', () => {
    expect([...slices(emptyTables(), 1)]).toEqual([{ patch: { version: 1, set: [], delete: [] }, isLast: true }])
  })
})
