import { describe, expect, test } from 'vitest'
import type { KeyValueStore, Notices } from '../../core/stores/stores.ts'
import { corrupt, withStore } from './with-store.ts'

/** Somewhere empty to keep values. */
export interface ValuePlace {
  /** Each call opens another store on the same values. The suite closes it. */
  open(): Promise<KeyValueStore>
  /** Lets this time pass: by moving the clock, or in truth. */
  pass(ms: number): Promise<void>
  /** What the clock of the server cannot be told needs short times: milliseconds of a time to live that soon ends. */
  shortMs: number
}

/** What the suite needs to know of a KeyValueStore. */
export interface KeyValueCase {
  name: string
  newPlace(): Promise<ValuePlace>
  /** False: the server does not keep concurrent writers apart; those tests are left out. */
  isAtomic?: boolean
}

const LONG_MS = 60_000

/** What every KeyValueStore keeps to. Call it in the engine's own test file. */
export function keyValueConformance(engine: KeyValueCase): void {
  describe(`${engine.name} as a key-value store`, () => {
    valueTests(engine)
    expiryTests(engine)
    describe.skipIf(engine.isAtomic === false)('with writers at once', () => atomicTests(engine))
  })
}

function valueTests(engine: KeyValueCase): void {
  test('a value is set, read, replaced and deleted', () =>
    withStore(engine, async (store) => {
      await store.ping()
      expect(await store.get('a')).toBeUndefined()
      await store.set('a', 'one', LONG_MS)
      await store.set('a', 'two', LONG_MS)
      await store.set('b', '', LONG_MS)
      expect([await store.get('a'), await store.get('b')]).toEqual(['two', ''])
      await store.delete('a')
      await store.delete('a')
      expect([await store.get('a'), await store.get('b')]).toEqual([undefined, ''])
    }))

  test('only the first sets what is absent', () =>
    withStore(engine, async (store) => {
      expect(await store.setIfAbsent('a', 'one', LONG_MS)).toBe(true)
      expect(await store.setIfAbsent('a', 'two', LONG_MS)).toBe(false)
      expect(await store.get('a')).toBe('one')
      await store.delete('a')
      expect(await store.setIfAbsent('a', 'three', LONG_MS)).toBe(true)
    }))

  test('only what equals the value is exchanged or dropped', () =>
    withStore(engine, async (store) => {
      expect(await store.exchange('a', '', 'one', LONG_MS)).toBe(false)
      await store.set('a', 'one', LONG_MS)
      expect(await store.exchange('a', 'other', 'two', LONG_MS)).toBe(false)
      expect(await store.exchange('a', 'one', 'two', LONG_MS)).toBe(true)
      expect(await store.exchange('a', 'one', undefined, LONG_MS)).toBe(false)
      expect(await store.get('a')).toBe('two')
      expect(await store.exchange('a', 'two', undefined, 0)).toBe(true)
      expect(await store.get('a')).toBeUndefined()
    }))

  test('a counter starts at 0, and is a text like any other', () =>
    withStore(engine, async (store) => {
      expect(await store.add('a', 2, LONG_MS)).toBe(2)
      expect(await store.add('a', -5, LONG_MS)).toBe(-3)
      expect(await store.get('a')).toBe('-3')
      expect(await store.setIfAbsent('a', 'x', LONG_MS)).toBe(false)
      expect(await store.exchange('a', '-3', '7', LONG_MS)).toBe(true)
      expect(await store.add('a', 1, LONG_MS)).toBe(8)
      expect(await store.exchange('a', '8', undefined, LONG_MS)).toBe(true)
      await store.set('b', 'text', LONG_MS)
      await expect(store.add('b', 1, LONG_MS)).rejects.toMatchObject(corrupt)
      expect(await store.get('b')).toBe('text')
    }))

  test.each(['ünïcödé 🙈', '$ne', '{"$ne":1}', 'a.b:c', '__proto__', "'; DROP TABLE entries; --", '*', ' ', 'a\nb'])(
    'a key and a value may be %j',
    (text) =>
      withStore(engine, async (store) => {
        await store.set(text, text, LONG_MS)
        expect(await store.get(text)).toBe(text)
        expect(await store.get('other')).toBeUndefined()
        expect(await store.exchange(text, text, `${text}2`, LONG_MS)).toBe(true)
        expect(await store.get(text)).toBe(`${text}2`)
      }),
  )

  test('a value of a megabyte is kept; what is out of bounds is refused', () =>
    withStore(engine, async (store) => {
      const large = 'x'.repeat(1024 * 1024)
      await store.set('a', large, LONG_MS)
      expect(await store.get('a')).toBe(large)
      await expect(store.set('a', `${large}x`, LONG_MS)).rejects.toMatchObject(corrupt)
      await expect(store.set('', 'x', LONG_MS)).rejects.toMatchObject(corrupt)
      await expect(store.set('k'.repeat(1025), 'x', LONG_MS)).rejects.toMatchObject(corrupt)
      for (const ttlMs of [0, -1, Number.NaN, 401 * 86_400_000]) await expect(store.set('b', 'x', ttlMs)).rejects.toMatchObject(corrupt)
      for (const amount of [0.5, Number.NaN, 2 ** 60]) await expect(store.add('b', amount, LONG_MS)).rejects.toMatchObject(corrupt)
      expect(await store.get('b')).toBeUndefined()
    }))
}

function expiryTests(engine: KeyValueCase): void {
  test('a value is gone when its time is over, for every call', () =>
    withStore(engine, async (store, { pass, shortMs }) => {
      for (const key of ['a', 'b', 'c', 'd']) await store.set(key, '5', shortMs)
      await store.set('long', 'x', LONG_MS * 10)
      await pass(shortMs + 1)
      expect(await store.get('a')).toBeUndefined()
      expect(await store.setIfAbsent('b', 'new', LONG_MS)).toBe(true)
      expect(await store.exchange('c', '5', 'new', LONG_MS)).toBe(false)
      expect(await store.add('d', 1, LONG_MS)).toBe(1)
      expect(await store.get('long')).toBe('x')
    }))

  test('a counter expires by its first addition, a value by its last setting', () =>
    withStore(engine, async (store, { pass, shortMs }) => {
      await store.add('count', 1, shortMs)
      await store.set('value', '1', shortMs)
      await store.add('count', 1, LONG_MS)
      await store.set('value', '2', LONG_MS)
      await pass(shortMs + 1)
      expect([await store.get('count'), await store.get('value')]).toEqual([undefined, '2'])
    }))
}

function atomicTests(engine: KeyValueCase): void {
  test('nothing is counted twice or lost, and one alone wins', async () => {
    const place = await engine.newPlace()
    const stores = await Promise.all([1, 2, 3].map(() => place.open()))
    const calls = <Result>(call: (store: KeyValueStore, index: number) => Promise<Result>) =>
      Promise.all(Array.from({ length: 30 }, (_, index) => call(stores[index % 3] as KeyValueStore, index)))
    const sums = await calls((store) => store.add('count', 1, LONG_MS))
    expect(sums.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    const made = await calls((store, index) => store.setIfAbsent('lease', String(index), LONG_MS))
    expect(made.filter(Boolean)).toHaveLength(1)
    const holder = (await stores[0]?.get('lease')) ?? ''
    const taken = await calls((store, index) => store.exchange('lease', holder, `next ${index}`, LONG_MS))
    expect(taken.filter(Boolean)).toHaveLength(1)
    await Promise.all(stores.map((store) => store.close()))
  })
}

/** What the suite needs to know of Notices. */
export interface NoticesCase {
  name: string
  /** Somewhere where nobody else publishes; each call of what it resolves to opens another connection. */
  newPlace(): Promise<() => Promise<Notices>>
}

/** What all Notices keep to. Call it in the engine's own test file. */
export function noticesConformance(engine: NoticesCase): void {
  describe(`${engine.name} as a carrier of notices`, () => {
    test('all who listen to a channel hear it, in order, until they stop', async () => {
      const open = await engine.newPlace()
      const [one, two] = [await open(), await open()]
      const heard: Record<string, string[]> = { a: [], b: [], other: [] }
      let gaps = 0
      const listen = (notices: Notices, channel: string, name: string) =>
        notices.subscribe(
          channel,
          (text) => heard[name]?.push(text),
          () => gaps++,
        )
      const end = await listen(one, 'changes', 'a')
      await listen(two, 'changes', 'b')
      await listen(two, 'other', 'other')
      const texts = ['1', 'ünïcödé 🙈', '{"$ne":1}', '']
      for (const text of texts) await one.publish('changes', text)
      await expect.poll(() => [heard.a, heard.b]).toEqual([texts, texts])
      end()
      await two.publish('changes', 'last')
      await expect.poll(() => heard.b?.at(-1)).toBe('last')
      expect([heard.a, heard.other, gaps]).toEqual([texts, [], 0])
      await Promise.all([one.close(), two.close()])
    })
  })
}
