import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { type Collection, type ConfigStore, type Stored, StoreError } from '../../core/stores/stores.ts'
import { corrupt, withStore } from './with-store.ts'

/** Collections of the suite. */
export const COLLECTIONS: readonly Collection[] = [
  { name: 'keys', unique: ['name', 'value_hash'] },
  { name: 'people', unique: ['name'] },
  { name: 'things' },
]

const DAY_MS = 86_400_000

/** Somewhere empty to keep a configuration. */
export interface ConfigPlace {
  /** A store on what is kept there; each call opens another, as another process would. The suite closes it. */
  open(): Promise<ConfigStore>
  /** Moves the clock of all stores of this place. */
  pass(ms: number): void
}

/** What the suite needs to know of a ConfigStore. */
export interface ConfigStoreCase {
  name: string
  newPlace(): Promise<ConfigPlace>
  /** False: the server does not keep concurrent writers apart; those tests are left out. */
  isAtomic?: boolean
  /** False: what it held ends with the store. */
  isKept?: boolean
}

/** What every ConfigStore keeps to. Call it in the engine's own test file. */
export function configStoreConformance(engine: ConfigStoreCase): void {
  describe(`${engine.name} as a store of the configuration`, () => {
    documentTests(engine)
    changeTests(engine)
    describe.skipIf(engine.isAtomic === false)('with writers at once', () => concurrencyTests(engine))
    keepingTests(engine)
  })
}

const key = (name: string, more: JsonObject = {}): JsonObject => ({ name, value_hash: `hash of ${name}`, ...more })
const conflict = (field?: string) => ({ name: 'StoreError', fault: 'conflict', field })

function documentTests(engine: ConfigStoreCase): void {
  test('an empty one says so', () =>
    withStore(engine, async (store) => {
      await store.ping()
      expect(await store.readPage(undefined, 10)).toEqual([])
      expect(await store.read('things', 'none')).toBeUndefined()
      expect(await store.changesSince(0)).toEqual([])
      expect([await store.latestChange(), await store.oldestChange()]).toEqual([0, 1])
    }))

  test('a document is written, read, replaced and removed, each time at the version that was read', () =>
    withStore(engine, async (store) => {
      const first = await store.write('things', 'a', { size: 1 }, { version: 0 })
      expect(first).toMatchObject({ collection: 'things', id: 'a', version: 1, body: { size: 1 } })
      expect(await store.read('things', 'a')).toEqual(first)
      await expect(store.write('things', 'a', { size: 2 }, { version: 0 })).rejects.toMatchObject(conflict())
      const second = await store.write('things', 'a', { colour: 'red' }, { version: 1 })
      expect(second).toMatchObject({ version: 2, body: { colour: 'red' } })
      await expect(store.write('things', 'a', { size: 3 }, { version: 1 })).rejects.toMatchObject(conflict())
      await expect(store.remove('things', 'a', { version: 1 })).rejects.toMatchObject(conflict())
      expect(await store.read('things', 'a')).toEqual(second)
      expect(await store.remove('things', 'a', { version: 2 })).toMatchObject({ id: 'a', body: undefined })
      expect(await store.read('things', 'a')).toBeUndefined()
      expect(await store.readPage(undefined, 10)).toEqual([])
    }))

  test('what is not there is neither replaced nor removed', () =>
    withStore(engine, async (store) => {
      await expect(store.write('things', 'a', {}, { version: 1 })).rejects.toMatchObject(conflict())
      for (const version of [0, 1]) await expect(store.remove('things', 'a', { version })).rejects.toMatchObject(conflict())
      expect(await store.readPage(undefined, 10)).toEqual([])
      expect(await store.changesSince(0)).toEqual([])
    }))

  test('who read a document before it was removed does not overwrite its successor', () =>
    withStore(engine, async (store) => {
      const old = await store.write('things', 'a', { size: 1 }, { version: 0 })
      await store.remove('things', 'a', old)
      await expect(store.remove('things', 'a', old)).rejects.toMatchObject(conflict())
      const next = await store.write('things', 'a', { size: 2 }, { version: 0 })
      expect(next.version).toBeGreaterThan(old.version)
      await expect(store.write('things', 'a', { size: 3 }, old)).rejects.toMatchObject(conflict())
      expect(await store.read('things', 'a')).toEqual(next)
    }))

  test('a unique field has one owner per collection, until he changes it or goes', () =>
    withStore(engine, async (store) => {
      const one = await store.write('keys', '1', key('main'), { version: 0 })
      await expect(store.write('keys', '2', key('main', { value_hash: 'other' }), { version: 0 })).rejects.toMatchObject(conflict('name'))
      const taken = key('second', { value_hash: 'hash of main' })
      await expect(store.write('keys', '2', taken, { version: 0 })).rejects.toMatchObject(conflict('value_hash'))
      await store.write('people', '1', { name: 'main' }, { version: 0 })
      const two = await store.write('keys', '2', key('second'), { version: 0 })
      await expect(store.write('keys', '2', key('main'), two)).rejects.toMatchObject({ fault: 'conflict' })
      expect(await store.read('keys', '2')).toEqual(two)
      const changed = await store.write('keys', '1', key('main', { weight: 2 }), one)
      await store.write('keys', '1', key('renamed'), changed)
      const main = await store.write('keys', '2', key('main'), two)
      await store.remove('keys', '2', main)
      await store.write('keys', '3', key('main'), { version: 0 })
      await store.write('keys', '2', key('second'), { version: 0 })
    }))

  test('pages hold every document once, in order', () =>
    withStore(engine, async (store) => {
      const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'Z', '10', '9'].sort()
      for (const id of ids.toReversed()) {
        await store.write('things', id, { id }, { version: 0 })
        await store.write('people', id, { name: id }, { version: 0 })
      }
      await store.remove('people', 'd', { version: 1 })
      const expected = [...ids.filter((id) => id !== 'd').map((id) => `people ${id}`), ...ids.map((id) => `things ${id}`)]
      for (const limit of [3, 19, 100])
        expect((await pages(store, limit)).map(({ collection, id }) => `${collection} ${id}`)).toEqual(expected)
    }))

  test.each(STRANGE_IDS.map((id) => [id.slice(0, 30), id]))('an id may be %j', (_, id) =>
    withStore(engine, async (store) => {
      await store.write('things', 'plain', { plain: true }, { version: 0 })
      const written = await store.write('things', id, { id }, { version: 0 })
      expect(await store.read('things', id)).toEqual(written)
      expect(await pages(store, 1)).toHaveLength(2)
      await store.remove('things', id, written)
      expect(await pages(store, 1)).toMatchObject([{ id: 'plain', body: { plain: true } }])
    }),
  )

  test.each(Object.entries(NO_IDS))('%s is no id: nothing has it, nothing gets it', (_, id) =>
    withStore(engine, async (store) => {
      await store.write('things', 'a', {}, { version: 0 })
      expect(await store.read('things', id as string)).toBeUndefined()
      await expect(store.write('things', id as string, {}, { version: 0 })).rejects.toMatchObject(corrupt)
      await expect(store.remove('things', id as string, { version: 1 })).rejects.toMatchObject(conflict())
      expect(await store.read('things', 'a')).toBeDefined()
    }),
  )

  test('a body comes back as it was, whatever its names and values', () =>
    withStore(engine, async (store) => {
      const written = await store.write('things', 'a', STRANGE_BODY, { version: 0 })
      expect(JSON.stringify(written.body)).toBe(JSON.stringify(STRANGE_BODY))
      const read = await store.read('things', 'a')
      expect(JSON.stringify(read?.body)).toBe(JSON.stringify(STRANGE_BODY))
      expect(Object.getPrototypeOf(read?.body)).toBe(Object.prototype)
      const named = await store.write('people', 'a', { name: '{"$ne": null} 𝒳 \u{1F600} it\'s "x".y' }, { version: 0 })
      await expect(store.write('people', 'b', named.body as JsonObject, { version: 0 })).rejects.toMatchObject(conflict('name'))
    }))

  test('a body of a megabyte is kept, one of five is refused', () =>
    withStore(engine, async (store) => {
      const body = { text: 'x'.repeat(1024 * 1024) }
      await store.write('things', 'a', body, { version: 0 })
      expect((await store.read('things', 'a'))?.body).toEqual(body)
      await expect(store.write('things', 'b', { text: 'x'.repeat(5 * 1024 * 1024) }, { version: 0 })).rejects.toMatchObject(corrupt)
    }))

  test('a body that is changed after the call changes nothing kept', () =>
    withStore(engine, async (store) => {
      const body = { list: [1] }
      const written = await store.write('things', 'a', body, { version: 0 })
      body.list.push(2)
      ;(written.body as JsonObject).list = 'changed'
      expect((await store.read('things', 'a'))?.body).toEqual({ list: [1] })
    }))

  test('a document without its unique text and a collection that was not declared are refused', () =>
    withStore(engine, async (store) => {
      for (const body of [{}, { name: 1 }, { name: { $ne: '' } }, { name: null }] as JsonObject[]) {
        await expect(store.write('people', 'a', body, { version: 0 })).rejects.toMatchObject(corrupt)
      }
      await expect(store.read('none', 'a')).rejects.toMatchObject(corrupt)
      await expect(store.write('none', 'a', {}, { version: 0 })).rejects.toMatchObject(corrupt)
      await expect(store.remove('none', 'a', { version: 1 })).rejects.toMatchObject(corrupt)
    }))
}

const STRANGE_IDS = [
  'ünïcödé 🙈 \u4e2d\u6587',
  '$ne',
  '{"$ne":1}',
  'a.b.c',
  '.',
  '../../etc',
  '__proto__',
  'constructor',
  "'; DROP TABLE documents; --",
  '%',
  '*',
  ' ',
  'line\nbreak',
  '\ufeffx',
  'x'.repeat(1024),
]

const NO_IDS: Readonly<Record<string, unknown>> = {
  'an empty text': '',
  'a text with NUL': 'a\0',
  'half a character': '\ud800',
  'a long text': 'x'.repeat(1025),
  'an operator': { $ne: 'a' },
  'a list': ['a'],
  'a number': 1,
  null: null,
  undefined: undefined,
}

const STRANGE_BODY = JSON.parse(
  `{"$set":{"$where":"1"},"a.b":{".":1,"":2},"__proto__":{"admin":true},"constructor":{"prototype":{}},"_id":"other","version":99,
    "z":1,"a":[null,true,1.5,-0.1,1e300,"\\u0000 \\ud83d\\ude00 \\ud800"],"10":1,"9":{"deep":[[[{"$numberLong":"5"}]]]}}`,
) as JsonObject

/** All documents, page by page. */
export async function pages(store: ConfigStore, limit: number): Promise<Stored[]> {
  const all: Stored[] = []
  for (;;) {
    const page = await store.readPage(all.at(-1), limit)
    expect(page.length).toBeLessThanOrEqual(limit)
    all.push(...page)
    if (page.length < limit) return all
  }
}

function changeTests(engine: ConfigStoreCase): void {
  test('changes are numbered upwards; of a document only the newest is told, a removal without a body', () =>
    withStore(engine, async (store) => {
      await store.write('things', 'a', { size: 1 }, { version: 0 })
      const b = await store.write('people', 'b', { name: 'b' }, { version: 0 })
      const a = await store.write('things', 'a', { size: 2 }, { version: 1 })
      const c = await store.write('things', 'c', {}, { version: 0 })
      expect(await store.changesSince(0)).toEqual([b, a, c])
      const gone = await store.remove('people', 'b', b)
      expect(await store.changesSince(a.change)).toEqual([
        c,
        { collection: 'people', id: 'b', version: 2, change: gone.change, body: undefined },
      ])
      const numbers = [b, a, c, gone].map(({ change }) => change)
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y))
      expect(new Set(numbers).size).toBe(4)
      expect(await store.latestChange()).toBe(gone.change)
      expect(await store.changesSince(gone.change)).toEqual([])
      expect(await store.changesSince(gone.change + 1000)).toEqual([])
    }))

  test('numbers are one a write, so that who misses one knows it', () =>
    withStore(engine, async (store) => {
      const changes: number[] = []
      for (const id of ['a', 'b', 'c']) changes.push((await store.write('things', id, {}, { version: 0 })).change)
      changes.push((await store.remove('things', 'a', { version: 1 })).change)
      expect(changes).toEqual([1, 2, 3, 4])
    }))

  test('a removal is known for a day, and forgotten some time after', () =>
    withStore(engine, async (store, place) => {
      await store.write('things', 'a', {}, { version: 0 })
      const gone = await store.remove('things', 'a', { version: 1 })
      place.pass(DAY_MS)
      await store.write('things', 'b', {}, { version: 0 })
      expect(await store.changesSince(0)).toHaveLength(2)
      expect(await store.oldestChange()).toBe(1)
      place.pass(10 * DAY_MS)
      await store.write('things', 'c', {}, { version: 0 })
      await expect.poll(() => store.oldestChange()).toBe(gone.change + 1)
      expect((await store.changesSince(0)).map(({ id }) => id)).toEqual(['b', 'c'])
    }))
}

function concurrencyTests(engine: ConfigStoreCase): void {
  test('changes come a thousand at a time', () =>
    withStore(engine, async (store) => {
      const ids = Array.from({ length: 1100 }, (_, index) => `id ${index}`)
      for (let from = 0; from < ids.length; from += 100) {
        await Promise.all(ids.slice(from, from + 100).map((id) => store.write('things', id, { id }, { version: 0 })))
      }
      const first = await store.changesSince(0)
      const rest = await store.changesSince(first.at(-1)?.change ?? 0)
      expect([first.length, rest.length]).toEqual([1000, 100])
      const changes = [...first, ...rest].map(({ change }) => change)
      expect(changes).toEqual(Array.from(ids, (_, index) => index + 1))
      expect(new Set([...first, ...rest].map(({ id }) => id))).toEqual(new Set(ids))
    }))

  test('two writers never lose an update', async () => {
    const place = await engine.newPlace()
    const stores = await Promise.all([1, 2, 3, 4].map(() => place.open()))
    await stores[0]?.write('things', 'sum', { value: 0 }, { version: 0 })
    await Promise.all(stores.flatMap((store) => [increment(store, 10), increment(store, 10)]))
    const end = await stores[0]?.read('things', 'sum')
    expect(end).toMatchObject({ version: 81, body: { value: 80 } })
    expect((await stores[1]?.changesSince(0))?.map(({ change }) => change)).toEqual([end?.change])
    await Promise.all(stores.map((store) => store.close()))
  })

  test('of many who make the same document, or take the same name, one succeeds', async () => {
    const place = await engine.newPlace()
    const stores = await Promise.all([1, 2, 3, 4].map(() => place.open()))
    const outcomes = async (calls: Promise<unknown>[]) =>
      (await Promise.allSettled(calls)).filter(({ status }) => status === 'fulfilled').length
    const many = Array.from({ length: 12 }, (_, index) => [stores[index % 4] as ConfigStore, index] as const)
    expect(await outcomes(many.map(([store, index]) => store.write('things', 'one', { index }, { version: 0 })))).toBe(1)
    expect(await outcomes(many.map(([store, index]) => store.write('people', `p${index}`, { name: 'same' }, { version: 0 })))).toBe(1)
    expect(await outcomes(many.map(([store]) => store.remove('things', 'one', { version: 1 })))).toBe(1)
    expect(await outcomes(many.map(([store, index]) => store.write('things', 'one', { index }, { version: 0 })))).toBe(1)
    const all = await pages(stores[0] as ConfigStore, 100)
    expect(all.map(({ collection }) => collection)).toEqual(['people', 'things'])
    await Promise.all(stores.map((store) => store.close()))
  })
}

async function increment(store: ConfigStore, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const { body, version } = (await store.read('things', 'sum')) as Stored
    try {
      await store.write('things', 'sum', { value: Number(body?.value) + 1 }, { version })
      done++
    } catch (error) {
      if (!(error instanceof StoreError && error.fault === 'conflict')) throw error
    }
  }
}

function keepingTests(engine: ConfigStoreCase): void {
  test.skipIf(engine.isKept === false)('what was acknowledged is there when the store is opened again', async () => {
    const place = await engine.newPlace()
    const before = await place.open()
    const kept = await before.write('keys', 'a', key('a'), { version: 0 })
    const gone = await before.write('keys', 'b', key('b'), { version: 0 })
    await before.remove('keys', 'b', gone)
    const changes = await before.changesSince(0)
    await before.close()
    await expect(before.read('keys', 'a')).rejects.toMatchObject({ fault: 'unavailable' })
    const after = await place.open()
    expect(await after.read('keys', 'a')).toEqual(kept)
    expect(await after.changesSince(0)).toEqual(changes)
    expect((await after.write('keys', 'b', key('b'), { version: 0 })).change).toBeGreaterThan(changes.at(-1)?.change ?? 0)
    await expect(after.write('keys', 'c', key('a'), { version: 0 })).rejects.toMatchObject({ fault: 'conflict' })
    await after.close()
  })
}
