import { expect, test } from 'vitest'
import {
  LOG_SORTS,
  type LogFilter,
  type LogGroup,
  type LogQuery,
  type LogRecord,
  type LogSummaryQuery,
  latencyOfClass,
} from '../../core/stores/log-records.ts'
import { Random } from '../helpers/random.ts'
import { found, idsOf, type LogStoreCase, MINUTE, record, reference, START, WHOLE } from './log-kit.ts'
import { corrupt, withStore } from './with-store.ts'

/** Filters, and what is none. */
export function filterTests(engine: LogStoreCase): void {
  test('each column filters, alone and with others', () =>
    withStore(engine, async (store) => {
      const names = Object.entries(WHOLE).filter(
        ([name, value]) => typeof value === 'string' && !['id', 'body', 'content_summary'].includes(name),
      )
      await store.append([WHOLE, record('plain', 1)])
      for (const [name, value] of names) {
        expect(await found(store, { is: { [name]: [value as string] } })).toEqual([WHOLE.id])
        expect(await found(store, { is: { [name]: [] } })).toEqual([])
      }
      expect(names).toHaveLength(23)
      expect(await found(store, { is: Object.fromEntries(names.map(([name, value]) => [name, ['other', value as string]])) })).toEqual([
        WHOLE.id,
      ])
      expect(await found(store, { is: { provider: ['anthropic', 'openai'], status: ['success', 'error'] } })).toEqual(['plain', WHOLE.id])
      expect(await found(store, { is: { provider: ['anthropic'], status: ['success'] } })).toEqual([])
    }))

  test('times, ranges, engines, metadata and missing costs filter', () =>
    withStore(engine, async (store) => {
      await store.append([
        record('a', 0, { latency: 10, total_tokens: 0, routing_engines_used: ['x', 'y'], metadata: { team: 'a', stage: 'test' } }),
        record('b', 1, { latency: 20, cost: 0, routing_engines_used: ['y'], metadata: { team: 'a' } }),
        record('c', 2, { latency: 30, cost: 2, metadata: { stage: 'test' } }),
        record('d', 3, { status: 'processing' }),
      ])
      const cases: [LogFilter, string][] = [
        [{ from: START + MINUTE }, 'd c b'],
        [{ before: START + MINUTE }, 'a'],
        [{ from: START + MINUTE, before: START + 3 * MINUTE }, 'c b'],
        [{ from: START + 5 * MINUTE, before: START }, ''],
        [{ range: { latency: { min: 20 } } }, 'c b'],
        [{ range: { latency: { max: 20 } } }, 'b a'],
        [{ range: { latency: { min: 15, max: 25 }, cost: { max: 0 } } }, 'b'],
        [{ range: { total_tokens: { min: 0 } } }, 'a'],
        [{ isCostMissing: true }, 'd a'],
        [{ is: { routing_engines_used: ['y', 'z'] } }, 'b a'],
        [{ is: { routing_engines_used: [] } }, ''],
        [{ metadata: { team: 'a' } }, 'b a'],
        [{ metadata: { team: 'a', stage: 'test' } }, 'a'],
        [{ metadata: { team: 'stage' } }, ''],
      ]
      for (const [filter, ids] of cases) expect([filter, (await found(store, filter)).join(' ')]).toEqual([filter, ids])
    }))

  test('a search takes its text as it stands, in either case', () =>
    withStore(engine, async (store) => {
      await store.append([
        record('a', 0, { content_summary: 'The price is 100% (of $5.00) for a_b', body: '"needle"' }),
        record('b', 1, { content_summary: 'The PRICE is 100 of 5x00 for aXb' }),
        record('c', 2),
      ])
      const cases: [string, string][] = [
        ['price', 'b a'],
        ['Price Is 100', 'b a'],
        ['100%', 'a'],
        ['a_b', 'a'],
        ['$5.00', 'a'],
        ['5.00', 'a'],
        ['.*', ''],
        ['needle', ''],
        ['%', 'a'],
      ]
      for (const [text, ids] of cases) expect([text, (await found(store, { text })).join(' ')]).toEqual([text, ids])
      expect((await store.summarize({ filter: { text: '100' } })).map(({ requests }) => requests)).toEqual([2])
    }))

  test.each([
    ['an operator', { is: { model: [{ $gt: '' }] } }],
    ['an operator for a list', { is: { model: { $ne: 'a' } } }],
    ['a column that is none', { is: { $where: ['1'] } }],
    ['the prototype as a column', { is: JSON.parse('{"__proto__":["a"]}') }],
    ['a range of a column that has none', { range: { id: { min: 0 } } }],
    ['an operator in a range', { range: { cost: { min: { $gt: 0 } } } }],
    ['a time that is a text', { from: '0' }],
    ['metadata that is no text', { metadata: { a: { $exists: true } } }],
    ['an expression to search for', { text: { $regex: '.*' } }],
    ['an empty search', { text: '' }],
    ['a long search', { text: 'x'.repeat(201) }],
    ['too many values', { is: { model: Array.from({ length: 101 }, String) } }],
  ])('%s is no filter', (_, filter) =>
    withStore(engine, async (store) => {
      await expect(store.find({ filter: filter as never, limit: 1 })).rejects.toMatchObject(corrupt)
      await expect(store.summarize({ filter: filter as never })).rejects.toMatchObject(corrupt)
    }),
  )

  test(
    'any filter, sort and summary comes to what the reference says',
    () =>
      withStore(engine, async (store) => {
        const random = new Random(20_260_101)
        const records = Array.from({ length: 200 }, (_, index) => randomRecord(random, index))
        for (let from = 0; from < records.length; from += 100) await store.append(records.slice(from, from + 100))
        const expected = await reference(records)
        for (let round = 0; round < 60; round++) {
          const query = randomQuery(random)
          expect([query, idsOf(await store.find(query))]).toEqual([query, idsOf(await expected.find(query))])
          const summary = randomSummary(random, query.filter)
          expect([summary, rounded(await store.summarize(summary))]).toEqual([summary, rounded(await expected.summarize(summary))])
        }
      }),
    60_000,
  )
}

const maybe = <Value>(random: Random, value: Value): Value | undefined => random.maybe(() => value)

function randomRecord(random: Random, index: number): LogRecord {
  return {
    ...record(`id ${index}`, Math.floor(random.next() * 60)),
    status: random.one('processing', 'success', 'error', 'cancelled'),
    provider: random.one('a', 'b', 'c'),
    model: maybe(random, random.one('m', 'n')),
    virtual_key_id: maybe(random, random.one('v', 'w')),
    latency: maybe(random, Math.floor(random.next() * 5) * 100),
    total_tokens: maybe(random, Math.floor(random.next() * 4)),
    cost: maybe(random, Math.floor(random.next() * 4) / 4),
    content_summary: maybe(random, random.one('one', 'two', 'onetwo')),
    routing_engines_used: maybe(random, [random.one('x', 'y')]),
    metadata: maybe(random, { k: random.one('1', '2') }),
  }
}

function randomQuery(random: Random): LogQuery {
  const filter: LogFilter = {
    from: maybe(random, START + Math.floor(random.next() * 40) * MINUTE),
    before: maybe(random, START + Math.floor(20 + random.next() * 40) * MINUTE),
    is: {
      ...(random.chance(0.3) && { provider: [random.one('a', 'b'), 'c'] }),
      ...(random.chance(0.3) && { status: [random.one('success', 'error')] }),
      ...(random.chance(0.2) && { virtual_key_id: ['v'] }),
      ...(random.chance(0.2) && { routing_engines_used: ['x'] }),
    },
    range: { ...(random.chance(0.2) && { latency: { min: 100, max: maybe(random, 300) } }) },
    metadata: random.chance(0.1) ? { k: '1' } : undefined,
    isCostMissing: random.chance(0.1),
    text: random.chance(0.2) ? 'one' : undefined,
  }
  const sort = { by: random.one(...LOG_SORTS), order: random.one<'asc' | 'desc'>('asc', 'desc') }
  return { filter, sort, limit: 1 + Math.floor(random.next() * 60), offset: maybe(random, Math.floor(random.next() * 50)) }
}

function randomSummary(random: Random, filter: LogFilter | undefined): LogSummaryQuery {
  const by = (['status', 'provider', 'model', 'latency_class'] as const).filter(() => random.chance(0.3))
  const sums = (['latency', 'cost', 'total_tokens'] as const).filter(() => random.chance(0.4))
  return { filter, by, sums, bucketMs: maybe(random, random.one(1, 5, 7, 60, 1440) * MINUTE) }
}

const rounded = (groups: readonly LogGroup[]) => groups.map((group) => ({ ...group, requests: Math.round(group.requests) }))

/** Sorts and pages. */
export function pageTests(engine: LogStoreCase): void {
  test('a sort puts records without the number lowest, and equal ones in the order of their ids', () =>
    withStore(engine, async (store) => {
      const values: [string, number | undefined][] = [
        ['b', 5],
        ['e', undefined],
        ['a', 5],
        ['d', 0],
        ['f', undefined],
        ['c', 50],
      ]
      await store.append(values.map(([id, value]) => record(id, value, { latency: value, total_tokens: value, cost: value })))
      for (const by of ['latency', 'total_tokens', 'cost'] as const) {
        expect((await found(store, {}, { sort: { by, order: 'asc' } })).join('')).toBe('efdabc')
        expect((await found(store, {}, { sort: { by, order: 'desc' } })).join('')).toBe('cbadfe')
        expect((await found(store, {}, { sort: { by, order: 'asc' }, offset: 1, limit: 3 })).join('')).toBe('fda')
      }
      expect((await found(store, {}, { sort: { by: 'timestamp', order: 'asc' } })).join('')).toBe('defabc')
      expect((await found(store)).join('')).toBe('cbafed')
    }))

  test('pages behind a record hold each once, whatever is written meanwhile', () =>
    withStore(engine, async (store) => {
      // Ten at each time, so that pages end among equals.
      const records = Array.from({ length: 100 }, (_, index) => record(`r${String(index).padStart(3, '0')}`, Math.floor(index / 10)))
      await store.append(records)
      for (const order of ['asc', 'desc'] as const) {
        const seen: string[] = []
        let after: LogQuery['after']
        for (let page = 0; ; page++) {
          const next = await store.find({ sort: { by: 'timestamp', order }, limit: 7, after })
          seen.push(...idsOf(next))
          if (next.length < 7) break
          after = next.at(-1)
          // Where the pages have been already.
          await store.append([record(`new ${order} ${page}`, order === 'asc' ? -1 : 1000)])
        }
        expect(seen.filter((id) => id.startsWith('r'))).toEqual(order === 'asc' ? idsOf(records) : idsOf(records).toReversed())
      }
    }))

  test.each([
    ['no limit', { limit: 0 }],
    ['a page of thousands', { limit: 1001 }],
    ['an offset that reads a whole log', { limit: 1, offset: 100_001 }],
    ['a sort by a text', { limit: 1, sort: { by: 'model', order: 'asc' } }],
    ['a sort by an operator', { limit: 1, sort: { by: { $natural: 1 }, order: 'asc' } }],
    ['an order that is none', { limit: 1, sort: { by: 'cost', order: -1 } }],
    [
      'a record to go on behind where the sort is by cost',
      { limit: 1, sort: { by: 'cost', order: 'asc' }, after: { id: 'a', timestamp: 1 } },
    ],
  ])('%s is refused', (_, query) =>
    withStore(engine, async (store) => {
      await expect(store.find(query as LogQuery)).rejects.toMatchObject(corrupt)
    }),
  )
}

/** Counts and sums. */
export function summaryTests(engine: LogStoreCase): void {
  test('counts and sums come by time and by values', () =>
    withStore(engine, async (store) => {
      await store.append([
        record('a', 0, { latency: 100, cost: 0.5, total_tokens: 10 }),
        record('b', 4, { latency: 300, cost: 0.25, total_tokens: 5 }),
        record('c', 5, { status: 'error', latency: 50 }),
        record('d', 61, { model: 'other', status: 'processing' }),
        record('e', 62, { model: 'other', cost: 1 }),
      ])
      const sums = ['latency', 'cost', 'total_tokens'] as const
      expect(await store.summarize({ by: ['status'], sums })).toEqual([
        { at: undefined, by: ['error'], requests: 1, sums: { latency: 50, cost: 0, total_tokens: 0 } },
        { at: undefined, by: ['processing'], requests: 1, sums: { latency: 0, cost: 0, total_tokens: 0 } },
        { at: undefined, by: ['success'], requests: 3, sums: { latency: 400, cost: 1.75, total_tokens: 15 } },
      ])
      expect(await store.summarize({ bucketMs: 5 * MINUTE, by: ['model', 'status'], filter: { from: START + MINUTE } })).toEqual([
        { at: START, by: ['gpt', 'success'], requests: 1, sums: {} },
        { at: START + 5 * MINUTE, by: ['gpt', 'error'], requests: 1, sums: {} },
        { at: START + 60 * MINUTE, by: ['other', 'processing'], requests: 1, sums: {} },
        { at: START + 60 * MINUTE, by: ['other', 'success'], requests: 1, sums: {} },
      ])
      expect(await store.summarize({ bucketMs: 60 * MINUTE, sums: ['cost'] })).toEqual([
        { at: START, by: [], requests: 3, sums: { cost: 0.75 } },
        { at: START + 60 * MINUTE, by: [], requests: 2, sums: { cost: 1 } },
      ])
      expect(await store.summarize({ by: ['virtual_key_id'] })).toEqual([{ at: undefined, by: [null], requests: 5, sums: {} }])
    }))

  test('percentiles of latencies come from counts by class, within 2.5 %', () =>
    withStore(engine, async (store) => {
      const random = new Random(7)
      const latencies = Array.from({ length: 500 }, () => Math.exp(random.next() * 11)).sort((a, b) => a - b)
      const records = latencies.map((latency, index) => record(`r${index}`, index, { latency }))
      for (let from = 0; from < records.length; from += 100) await store.append(records.slice(from, from + 100))
      const classes = (await store.summarize({ by: ['latency_class'] })).map(({ by, requests }) => [Number(by[0]), requests] as const)
      for (const share of [0.5, 0.9, 0.95, 0.99]) {
        const rank = Math.ceil(share * latencies.length)
        let seen = 0
        const [index] =
          classes.find(([, requests]) => {
            seen += requests
            return seen >= rank
          }) ?? []
        const exact = latencies[rank - 1] ?? 0
        expect(Math.abs(latencyOfClass(index ?? -1) - exact) / exact).toBeLessThan(0.026)
      }
    }))

  test.each([
    ['a column that is none', { by: ['id'] }],
    ['an operator', { by: [{ $sum: 1 }] }],
    ['too many columns', { by: ['model', 'provider', 'status', 'user_id', 'team_id'] }],
    ['a sum of texts', { sums: ['model'] }],
    ['a span of seconds', { bucketMs: 1000 }],
    ['no span', { bucketMs: 0 }],
  ])('%s is no summary', (_, query) =>
    withStore(engine, async (store) => {
      await expect(store.summarize(query as LogSummaryQuery)).rejects.toMatchObject(corrupt)
    }),
  )
}
