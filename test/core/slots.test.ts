import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../core/config/load.ts'
import { keyStatus, noteRefused } from '../../core/key-status.ts'
import { createShared, openShared, SHARED_SLOTS } from '../../core/shared.ts'
import { assignSlots, clearKeySlots, type SlotAssignment } from '../../core/slots.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { providers as entries, plannedProviders } from '../../providers/index.ts'
import { Random } from '../helpers/random.ts'

/** A provider with keys of these ids, as a configuration says it: without slots. */
const provider = (name: string, ...ids: string[]): ProviderSettings =>
  ({ name, slot: 0, keys: ids.map((id) => ({ id, name: `name of ${id}`, provider: name, slot: 0 })) }) as unknown as ProviderSettings

const table = ({ providers }: SlotAssignment) => new Map(providers.map((each) => [each.name, each]))
const changed = (before: SlotAssignment, providers: ProviderSettings[], isBusy = (_: number) => false): SlotAssignment =>
  assignSlots(providers, { providers: table(before), isBusy })

function slotsOf({ providers }: SlotAssignment): { providers: Record<string, number>; keys: Record<string, number> } {
  return {
    providers: Object.fromEntries(providers.map(({ name, slot }) => [name, slot])),
    keys: Object.fromEntries(providers.flatMap(({ name, keys }) => keys.map((key) => [`${name}/${key.id}`, key.slot]))),
  }
}

test('at a first start they are numbered in the order of names, and frozen', () => {
  const first = assignSlots([provider('xai', 'c'), provider('groq', 'b', 'a')])
  expect(slotsOf(first)).toEqual({ providers: { groq: 0, xai: 1 }, keys: { 'groq/a': 0, 'groq/b': 1, 'xai/c': 2 } })
  expect(first.providers.every((each) => Object.isFrozen(each) && Object.isFrozen(each.keys) && each.keys.every(Object.isFrozen))).toBe(
    true,
  )
  expect(first.providers[0]?.keys.map(({ id }) => id)).toEqual(['b', 'a'])
})

describe('after a change', () => {
  const first = assignSlots([provider('groq', 'a', 'b'), provider('xai', 'c')])

  test('who was there keeps its slot, whatever comes before it by name', () => {
    const next = changed(first, [provider('anthropic', 'x'), provider('groq', 'aa', 'a', 'b'), provider('xai', 'c')])
    expect(slotsOf(next)).toEqual({
      providers: { groq: 0, xai: 1, anthropic: 2 },
      keys: { 'groq/a': 0, 'groq/b': 1, 'xai/c': 2, 'anthropic/x': 3, 'groq/aa': 4 },
    })
    expect(next.newKeySlots).toEqual([3, 4])
  })

  test('a key is known by its id and provider, not by its name', () => {
    const renamed = { ...provider('groq', 'a', 'b') }
    renamed.keys = renamed.keys.map((key) => ({ ...key, name: `zz ${key.id}` }) as KeySettings)
    expect(changed(first, [renamed, provider('xai', 'a', 'c')])).toMatchObject({ newKeySlots: [3] })
    expect(slotsOf(changed(first, [renamed])).keys).toEqual({ 'groq/a': 0, 'groq/b': 1 })
  })

  test('what one change sets free is not given away in it, but later', () => {
    const swapped = changed(first, [provider('groq', 'b', 'new'), provider('mistral', 'm')])
    expect(slotsOf(swapped)).toEqual({ providers: { groq: 0, mistral: 2 }, keys: { 'groq/b': 1, 'groq/new': 3, 'mistral/m': 4 } })
    let now = swapped
    for (let round = 0; round < 10; round++) {
      const many = Array.from({ length: 500 }, (_, at) => `k${round} ${at}`)
      now = changed(now, [provider('groq', 'b', ...many)])
      expect(slotsOf(now).keys['groq/b']).toBe(1)
    }
    // Round the whole memory, past the slot of the key that stays.
    expect(new Set(Object.values(slotsOf(now).keys)).size).toBe(501)
  })

  test('a provider gets no slot in which requests of one that is gone still hold places', () => {
    const shared = openShared(createShared())
    shared.inFlight.tryTake(2, 10)
    shared.queue.tryEnter(3, 10)
    const isBusy = (slot: number) => shared.inFlight.count(slot) > 0 || shared.queue.count(slot) > 0
    const next = changed(first, [provider('groq'), provider('xai'), provider('one'), provider('two')], isBusy)
    expect(slotsOf(next).providers).toEqual({ groq: 0, xai: 1, one: 4, two: 5 })
    shared.inFlight.give(2)
    shared.queue.leave(3)
    expect(slotsOf(changed(first, [provider('groq'), provider('xai'), provider('one')], isBusy)).providers.one).toBe(2)
  })
})

test('when memory is full, what this change sets free is used, and one too many is refused', () => {
  const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(4, '0')}`)
  const full = assignSlots([provider('groq', ...ids('a', SHARED_SLOTS))])
  expect(slotsOf(full).keys['groq/a4095']).toBe(SHARED_SLOTS - 1)
  const next = changed(full, [provider('groq', ...ids('a', SHARED_SLOTS - 1), 'b')])
  expect(slotsOf(next).keys['groq/b']).toBe(SHARED_SLOTS - 1)
  expect(() => changed(full, [provider('groq', ...ids('a', SHARED_SLOTS), 'b')])).toThrow('there is room for 4096 providers and 4096 keys')
})

test('a key in a slot that another had starts with nothing known of it; others keep what is known', () => {
  const shared = openShared(createShared())
  const full = assignSlots([provider('groq', ...Array.from({ length: SHARED_SLOTS }, (_, at) => String(at)))])
  const [kept, gone] = [full.providers[0]?.keys[1], full.providers[0]?.keys[0]] as [KeySettings, KeySettings]
  for (const key of [kept, gone]) {
    noteRefused(shared, key, 401)
    shared.coolDown.set(key.slot, 5_000)
  }
  const next = changed(full, [provider('groq', 'fresh', kept.id, ...Array.from({ length: SHARED_SLOTS - 2 }, (_, at) => String(at + 2)))])
  clearKeySlots(shared, next.newKeySlots)
  const fresh = next.providers[0]?.keys[0] as KeySettings
  expect(fresh.slot).toBe(gone.slot)
  expect(keyStatus(shared, fresh, 1_000)).toMatchObject({ status: 'unknown', coolDownUntil: undefined })
  expect(keyStatus(shared, kept, 1_000)).toMatchObject({ status: 'refused', coolDownUntil: 5_000 })
})

test('over many changes no two share a slot, and nobody moves', () => {
  const random = new Random(7)
  let now = assignSlots([])
  for (let change = 0; change < 300; change++) {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].filter(() => random.chance(0.7))
    const wanted = names.map((name) => provider(name, ...['1', '2', '3', '4'].filter(() => random.chance(0.6))))
    const before = slotsOf(now)
    const next = changed(now, wanted)
    const slots = slotsOf(next)
    for (const kind of ['providers', 'keys'] as const) {
      const taken = Object.values(slots[kind])
      expect(new Set(taken).size).toBe(taken.length)
      const had = new Set(Object.values(before[kind]))
      for (const [name, slot] of Object.entries(slots[kind])) {
        if (before[kind][name] === undefined) expect(had.has(slot)).toBe(false)
        else expect(slot).toBe(before[kind][name])
      }
    }
    expect(next.newKeySlots.sort()).toEqual(
      Object.entries(slots.keys)
        .flatMap(([name, slot]) => (before.keys[name] === undefined ? [slot] : []))
        .sort(),
    )
    now = next
  }
})

test('a configuration with more keys than there is room for is refused', () => {
  const keys = Array.from({ length: SHARED_SLOTS + 1 }, (_, at) => ({ name: `k${at}`, value: 'v', models: ['*'] }))
  const builtins = { providers: entries, planned: plannedProviders, plugins: [] }
  const { problems } = loadConfig({ config: { providers: { openai: { keys } } }, env: {}, builtins })
  expect(problems).toEqual(['providers: 4097 keys in all; there is room for 4096'])
})
