import { describe, expect, test } from 'vitest'
import { MAX_LOG_BODY } from '../../core/stores/log-checks.ts'
import type { LogFilter } from '../../core/stores/log-records.ts'
import type { LogStore } from '../../core/stores/stores.ts'
import { found, type LogStoreCase, MINUTE, record, reference, START, WHOLE } from './log-kit.ts'
import { filterTests, pageTests, summaryTests } from './log-queries.ts'
import { corrupt, withStore } from './with-store.ts'

/** What every LogStore keeps to. Call it in the engine's own test file. */
export function logStoreConformance(engine: LogStoreCase): void {
  describe(`${engine.name} as a store of logs`, () => {
    recordTests(engine)
    filterTests(engine)
    pageTests(engine)
    summaryTests(engine)
    removalTests(engine)
    describe.skipIf(engine.isAtomic === false)('with writers at once', () => writerTests(engine))
    keepingTests(engine)
  })
}

function recordTests(engine: LogStoreCase): void {
  test('an empty one says so', () =>
    withStore(engine, async (store) => {
      await store.ping()
      await store.append([])
      expect(await store.find({ limit: 10 })).toEqual([])
      expect(await store.get('none')).toBeUndefined()
      expect(await store.summarize({ by: ['model'], sums: ['cost'] })).toEqual([])
      expect(await store.sweep(START, 10)).toBe(0)
      await store.remove(['none'])
    }))

  test('a record comes back as it was, by its id with the body and in lists without', () =>
    withStore(engine, async (store) => {
      await store.append([WHOLE])
      expect(await store.get(WHOLE.id)).toEqual(WHOLE)
      const { body: _, ...listed } = WHOLE
      expect(await store.find({ limit: 1 })).toEqual([listed])
    }))

  test.each(STRANGE.map((text) => [JSON.stringify(text).slice(0, 40), text]))('%s is a text like any other', (_, text) =>
    withStore(engine, async (store) => {
      const strange = record(text, 0, {
        ...{ model: text, virtual_key_id: text, content_summary: `before ${text} after`, body: JSON.stringify({ [text]: text }) },
        routing_engines_used: [text, 'other'],
        metadata: Object.fromEntries([
          [text, text],
          ['plain', 'x'],
        ]),
      })
      await store.append([strange, record('plain', 1, { metadata: { plain: 'x' }, content_summary: 'aXb' })])
      expect(JSON.stringify(await store.get(text))).toBe(JSON.stringify(await reference([strange]).then((one) => one.get(text))))
      expect(Object.keys((await store.get(text))?.metadata ?? {})).toContain(text)
      const filters: LogFilter[] = [
        { is: { model: [text] } },
        { is: { routing_engines_used: [text] } },
        { metadata: Object.fromEntries([[text, text]]) },
        { text },
        { text: text.slice(0, 200), is: { virtual_key_id: ['none', text] } },
      ]
      for (const filter of filters) expect(await found(store, filter)).toEqual([text])
      expect((await store.summarize({ by: ['model'] })).map(({ by: [model] }) => model).toSorted()).toEqual([text, 'gpt'].toSorted())
      await store.remove([text])
      expect(await found(store)).toEqual(['plain'])
    }),
  )

  test('a later state takes the place of the one before; one under way replaces nothing', () =>
    withStore(engine, async (store) => {
      const begun = record('a', 0, { status: 'processing', body: '{"input":1}' })
      await store.append([begun])
      expect(await store.get('a')).toEqual(begun)
      await store.append([record('a', 0, { latency: 5, body: '{"output":2}' })])
      await store.append([begun])
      expect(await store.get('a')).toEqual(record('a', 0, { latency: 5, body: '{"output":2}' }))
      await store.append([record('a', 0, { status: 'error', cost: 1 })])
      expect(await store.get('a')).toEqual(record('a', 0, { status: 'error', cost: 1, body: '{"output":2}' }))
      await store.append([
        record('b', 1, { status: 'processing', body: '1' }),
        record('b', 1, { model: 'x' }),
        record('b', 1, { model: 'y' }),
      ])
      await store.append([record('c', 2), record('c', 2, { status: 'processing' })])
      expect(await store.get('b')).toEqual(record('b', 1, { model: 'y', body: '1' }))
      expect(await store.find({ limit: 10, filter: { from: START + 2 * MINUTE } })).toEqual([record('c', 2)])
      expect(await found(store)).toEqual(['c', 'b', 'a'])
    }))

  test('the same records again change nothing', () =>
    withStore(engine, async (store) => {
      const records = Array.from({ length: 50 }, (_, index) => record(`r${index}`, index, { body: `${index}`, cost: index }))
      await store.append(records)
      const before = await store.summarize({ by: ['status'], bucketMs: MINUTE, sums: ['cost'] })
      await store.append(records)
      expect(await store.summarize({ by: ['status'], bucketMs: MINUTE, sums: ['cost'] })).toEqual(before)
      expect((await store.get('r7'))?.body).toBe('7')
    }))

  test('what is too long is cut or left out, and what is no record is refused', () =>
    withStore(engine, async (store) => {
      const long = record('long', 0, { model: 'm'.repeat(600), content_summary: 's'.repeat(5000), body: `"${'x'.repeat(MAX_LOG_BODY)}"` })
      const odd = { ...record('odd', 1), latency: Number.NaN, cost: -1, total_tokens: Number.POSITIVE_INFINITY, alias: 7 as never }
      await store.append([long, odd, record('large', 2, { body: `"${'ü'.repeat(MAX_LOG_BODY - 2)}"` })])
      expect(await store.get('long')).toEqual(record('long', 0, { model: 'm'.repeat(512), content_summary: 's'.repeat(4096) }))
      expect(await store.get('odd')).toEqual(record('odd', 1))
      expect((await store.get('large'))?.body).toHaveLength(MAX_LOG_BODY)
      const many = Array.from({ length: 1001 }, (_, index) => record(String(index)))
      const wrong: unknown[] = [{ id: '' }, { id: { $ne: 1 } }, { id: 'a\0' }, { timestamp: 1.5 }, { timestamp: '1' }, { status: 'done' }]
      for (const fields of wrong) await expect(store.append([{ ...record('a'), ...(fields as object) }])).rejects.toMatchObject(corrupt)
      await expect(store.append(many)).rejects.toMatchObject(corrupt)
      expect(await found(store)).toEqual(['large', 'odd', 'long'])
    }))
}

const STRANGE = [
  'ünïcödé 🙈 \u4e2d\u6587',
  '$gt',
  '{"$ne":null}',
  'a.b.c',
  '__proto__',
  'constructor',
  "'; DROP TABLE log_records; --",
  '%%%%',
  '_X_',
  '(a+)+$',
  '[x]|^.*$\\',
  '\\$x',
  '"quoted" and \'quoted\'',
  'line\nbreak\ttab',
  '\ufeff ',
]

function removalTests(engine: LogStoreCase): void {
  test('records are removed by their ids, with their bodies', () =>
    withStore(engine, async (store) => {
      await store.append(['a', 'b', 'c', 'd'].map((id, index) => record(id, index, { body: `"${id}"` })))
      await store.remove(['a', 'none', 'c', '$ne', { $ne: 'a' } as never])
      expect(await found(store)).toEqual(['d', 'b'])
      expect(await store.get('a')).toBeUndefined()
      await store.append([record('a', 9)])
      expect(await store.get('a')).toEqual(record('a', 9))
      await expect(store.remove(Array.from({ length: 1001 }, String))).rejects.toMatchObject(corrupt)
    }))

  test('a sweep takes the oldest, so many at once, until none is left', () =>
    withStore(engine, async (store) => {
      await store.append(Array.from({ length: 25 }, (_, index) => record(`r${String(index).padStart(2, '0')}`, index, { body: '1' })))
      const before = START + 20 * MINUTE
      expect(await store.sweep(before, 8)).toBe(8)
      expect((await found(store)).at(-1)).toBe('r08')
      expect([await store.sweep(before, 8), await store.sweep(before, 8), await store.sweep(before, 8)]).toEqual([8, 4, 0])
      expect(await found(store)).toEqual(['r24', 'r23', 'r22', 'r21', 'r20'])
      expect(await store.get('r20')).toEqual(record('r20', 20, { body: '1' }))
      await store.append([record('r00', 0)])
      expect(await store.get('r00')).toEqual(record('r00', 0))
      for (const [time, most] of [
        [before, 0],
        [before, 1001],
        [Number.NaN, 1],
      ] as const)
        await expect(store.sweep(time, most)).rejects.toMatchObject(corrupt)
    }))
}

function writerTests(engine: LogStoreCase): void {
  test('of many who write the same records, none fails and the final state stays', async () => {
    const place = await engine.newPlace()
    const stores = await Promise.all([1, 2, 3].map(() => place.open()))
    const ids = Array.from({ length: 40 }, (_, index) => `r${index}`)
    const begun = ids.map((id, index) => record(id, index, { status: 'processing', body: '"begun"' }))
    const ended = ids.map((id, index) => record(id, index, { latency: 1, body: '"ended"' }))
    await Promise.all(
      stores.flatMap((store, index) => [store.append(begun), ...(index === 0 ? [store.append(ended)] : []), store.append(begun)]),
    )
    const last = stores[2] as LogStore
    expect(await last.summarize({ by: ['status'] })).toEqual([{ at: undefined, by: ['success'], requests: 40, sums: {} }])
    expect(await Promise.all(ids.map((id) => last.get(id).then((one) => one?.body)))).toEqual(ids.map(() => '"ended"'))
    await Promise.all(stores.map((store) => store.close()))
  })

  test('sweeps and reads go on beside writes', async () => {
    const place = await engine.newPlace()
    const [writer, sweeper] = [await place.open(), await place.open()]
    for (let round = 0; round < 5; round++) {
      const written = writer.append(Array.from({ length: 100 }, (_, index) => record(`${round} ${index}`, round * 10)))
      await Promise.all([written, sweeper.sweep(START + (round - 1) * 10 * MINUTE, 1000), sweeper.find({ limit: 100 })])
    }
    expect(await sweeper.summarize({ bucketMs: 10 * MINUTE })).toEqual(
      [3, 4].map((round) => ({
        ...{ at: START + round * 10 * MINUTE, by: [], requests: 100, sums: {} },
      })),
    )
    await Promise.all([writer.close(), sweeper.close()])
  })
}

function keepingTests(engine: LogStoreCase): void {
  test.skipIf(engine.isKept === false)('what was acknowledged is there when the store is opened again', async () => {
    const place = await engine.newPlace()
    const before = await place.open()
    await before.append([WHOLE, record('gone')])
    await before.remove(['gone'])
    await before.close()
    await expect(before.get('a')).rejects.toMatchObject({ fault: 'unavailable' })
    await expect(before.append([record('a')])).rejects.toMatchObject({ fault: 'unavailable' })
    const after = await place.open()
    expect(await after.get(WHOLE.id)).toEqual(WHOLE)
    expect(await found(after)).toEqual([WHOLE.id])
    await after.close()
  })
}
