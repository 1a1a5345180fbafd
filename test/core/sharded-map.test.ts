import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hashDigest, hashText, ShardedMap } from '../../core/sharded-map.ts'
import { Random } from '../helpers/random.ts'

const digest = (at: number): string => createHash('sha256').update(String(at)).digest('hex')

describe('a map for very many entries', () => {
  it('has what a Map has, whatever comes and goes', () => {
    const random = new Random(7)
    const [sharded, plain] = [new ShardedMap<number>(), new Map<string, number>()]
    for (let step = 0; step < 20_000; step++) {
      const id = `vk-${Math.floor(random.next() * 6000)}`
      if (random.chance(0.4)) expect(sharded.delete(id)).toBe(plain.delete(id))
      else {
        sharded.set(id, step)
        plain.set(id, step)
      }
      expect(sharded.size).toBe(plain.size)
    }
    for (let at = 0; at < 6000; at++) {
      expect(sharded.get(`vk-${at}`)).toBe(plain.get(`vk-${at}`))
      expect(sharded.has(`vk-${at}`)).toBe(plain.has(`vk-${at}`))
    }
    expect(new Map(sharded)).toEqual(plain)
    expect([...sharded.keys()].sort()).toEqual([...plain.keys()].sort())
    expect([...sharded.values()].sort()).toEqual([...plain.values()].sort())
  })

  it('keeps the order of few entries', () => {
    const map = new ShardedMap<number>()
    const ids = Array.from({ length: 128 }, (_, at) => `vk-${(at * 37) % 128}`)
    for (const id of ids) map.set(id, 0)
    expect([...map.keys()]).toEqual(ids)
  })

  it.each<[string, (at: number) => string, (id: string) => number]>([
    ['numbers at the end', (at) => `vk-${at}`, hashText],
    ['numbers in front of what all share', (at) => `${at}-virtual-key-of-the-production`, hashText],
    ['numbers of the same length in the middle', (at) => `team-${String(at).padStart(8, '0')}-production`, hashText],
    ['digests', digest, hashDigest],
  ])('never moves more than a few hundred entries at once: %s', (_, idOf, hash) => {
    let hashed = 0
    const map = new ShardedMap<number>((id) => {
      hashed++
      return hash(id)
    })
    let most = 0
    for (let at = 0; at < 100_000; at++) {
      hashed = 0
      map.set(idOf(at), at)
      most = Math.max(most, hashed)
    }
    expect(map.size).toBe(100_000)
    // One for the entry that comes, the others are those of the shard that is split.
    expect(most).toBeLessThan(600)
  })

  it('shows each entry that stays to who visits them while others come and go', () => {
    const map = new ShardedMap<number>()
    for (let at = 0; at < 1000; at++) map.set(`stays-${at}`, at)
    const seen = new Set<string>()
    let come = 0
    for (const [id] of map) {
      seen.add(id)
      if (come >= 5000) continue
      map.set(`comes-${come}`, 0)
      if (come % 2 === 0) map.delete(`comes-${come / 2}`)
      come++
    }
    for (let at = 0; at < 1000; at++) expect(seen.has(`stays-${at}`)).toBe(true)
  })
})
