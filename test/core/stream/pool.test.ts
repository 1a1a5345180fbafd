import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { CONTENTS } from '../../../bench/upstream/contents.ts'
import type { StreamPart } from '../../../core/canonical/chat.ts'
import type { Outcome, StreamStage } from '../../../core/hooks/hooks.ts'
import { definePlugin, type Plugin } from '../../../core/plugin/plugin.ts'
import { poolThreadsFor } from '../../../core/stream/pool.ts'
import { until } from '../../helpers/clock.ts'
import { type FaultBench, startFaultBench } from '../../helpers/faults.ts'
import { openStream } from '../../helpers/open-stream.ts'
import { folderWith } from '../../helpers/plugins.ts'
import { POOLED, type PooledBench, pooledBench, startPooledBench } from '../../helpers/pooled.ts'
import { MODEL_NAMES } from '../../helpers/upstream.ts'

/** They end by a time limit, are about megabytes, or by a reset, which throws away what a busy reader has not read yet. */
const OTHER_TESTS = /silent|stall|infinite|endless|slow|drip|huge|bomb|rst-mid/
/** What both lanes must answer to alike: every content, and every fault that ends by itself. */
const MODELS = [
  ...Object.keys(CONTENTS),
  'events-50',
  'fault-400',
  'fault-503',
  ...MODEL_NAMES.filter((name) => name.startsWith('fault-') && !OTHER_TESTS.test(name)),
]

/** Latency is the only thing that two lanes may say differently. */
function timeless(raw: string): string {
  return raw.replace(/"latency":\d+/g, '"latency":0')
}

describe('the same bytes by both lanes', () => {
  let pooled: PooledBench
  let inline: FaultBench
  const options = { wallClock: () => 1_700_000_000_000 }
  beforeAll(async () => {
    pooled = await startPooledBench(options)
    inline = await startFaultBench({ ...options, stepMs: 0.05 })
  })
  afterAll(async () => {
    await pooled.close()
    await inline.close()
  })

  it.each(MODELS)('%s', async (model) => {
    const headers = { 'x-request-id': `same-${model}`, 'x-bf-send-back-raw-response': 'true' }
    const one = await inline.ask(POOLED, model, { headers })
    const other = await pooled.ask(POOLED, model, { headers })
    const port = new RegExp(`:(${inline.upstream.port}|${pooled.upstream.port})`, 'g')
    const seen = ({ raw, status, isMidStream }: typeof one) => ({ raw: timeless(raw).replace(port, ':0'), status, isMidStream })
    expect(seen(other)).toEqual(seen(one))
    expect(pooled.ownCalls).toBe(0)
    await pooled.settled()
  })

  it('with extra_fields in every event, and without the header’s wishes', async () => {
    for (const headers of [{ 'x-bf-extra-fields': 'all', 'x-bf-send-back-raw-request': 'true' }, {}]) {
      const asked = { headers: { 'x-request-id': 'same', ...headers } }
      const [one, other] = [await inline.ask(POOLED, 'text', asked), await pooled.ask(POOLED, 'text', asked)]
      expect(timeless(other.raw)).toBe(timeless(one.raw))
    }
  })

  it('a connection to the provider serves one stream after the other', async () => {
    const { length } = pooled.upstream.requests
    for (const model of ['text', 'tools', 'text']) await pooled.ask(POOLED, model)
    expect(new Set(pooled.hits(length).map(({ socketId }) => socketId)).size).toBe(1)
  })
})

const STAGES = `
export const shout = {
  start: ({ mark }) => ({ mark }),
  step(state, part, out) {
    out.push(part.type === 'part-delta' ? { ...part, delta: { ...part.delta, text: part.delta.text.toUpperCase() + state.mark } } : part)
  },
  end() {},
}
export const nested = { shout }
export const broken = { start: () => null, step() { throw new Error('broken stage') }, end() {} }
export const waking = { start: () => null, step(_, part, out) { out.wake(1e12); out.push(part) }, tick() {}, end() {} }
export const unable = { start() { throw new Error('cannot start') }, step() {}, end() {} }
`
const OWN_STAGES = `
import { GatewayError } from 'bifrost-node'
import { z } from 'zod'
export const refusing = { start: () => z.object({ reason: z.string() }).parse({ reason: 'not in the pool' }), step(state, part, out) {
  const error = new GatewayError('GW_REQUEST_BLOCKED', state)
  error.detail.self = error
  error.allowFallbacks = false
  out.refuse(error)
}, end() {} }
`

function addressed(name: string, options?: unknown): StreamStage {
  const module = pathToFileURL(
    `${folderWith({ 'stages.mjs': STAGES, 'own.mjs': OWN_STAGES })}/${name === 'refusing' ? 'own' : 'stages'}.mjs`,
  )
  return { on: 'parts', ref: { module: module.href, name, options } }
}

/** Adds the stages that the test has set when the stream begins. */
function staging(stages: readonly StreamStage[] | (() => readonly StreamStage[])): Plugin {
  const all = () => (typeof stages === 'function' ? stages() : stages)
  return definePlugin({ name: 'staging', setup: () => ({ hooks: { stream: (before) => [...before, ...all()] } }) })
}

describe('the choice', () => {
  test.each(['shout', 'nested.shout'])('a stage given by address runs in the pool (%s)', async (name) => {
    const bench = await pooledBench({ plugins: [staging([addressed(name, { mark: '!' })])] })
    expect((await bench.ask(POOLED, 'text')).text).toMatch(/^HELLO.*!/)
    expect(bench.ownCalls).toBe(0)
  })

  test('and inline, where the thread has time', async () => {
    const bench = await pooledBench({ pooled: false, plugins: [staging([addressed('shout', { mark: '!' })])] })
    expect((await bench.ask(POOLED, 'text')).text).toMatch(/^HELLO.*!/)
    expect(bench.ownCalls).toBe(1)
  })

  test('a closure pins its stream inline, also beside an address', async () => {
    const closure: StreamStage = {
      on: 'parts',
      fold: {
        start: () => null,
        step: (_: unknown, part: never, out: { push(part: StreamPart): void }) => out.push(part),
        end() {},
      } as never,
    }
    const bench = await pooledBench({ plugins: [staging([addressed('shout', { mark: '?' }), closure])] })
    expect((await bench.ask(POOLED, 'text')).text).toMatch(/^HELLO.*\?/)
    expect(bench.ownCalls).toBe(1)
  })

  test('so does a handler that needs the response, and gets it', async () => {
    const seen: Outcome[] = []
    const plugin = definePlugin({
      name: 'reader',
      setup: () => ({ hooks: { postHook: { needs: 'response', handler: (outcome) => void seen.push(outcome) } } }),
    })
    const bench = await pooledBench({ plugins: [plugin] })
    seen.length = 0
    await bench.ask(POOLED, 'text')
    expect(bench.ownCalls).toBe(1)
    expect(JSON.stringify(seen)).toContain('Hello')
  })

  test('so does a pool without room', async () => {
    const bench = await pooledBench()
    const { pool } = bench.gateway.core.runtime
    expect(pool?.hasRoom).toBe(true)
    Object.defineProperty(pool, 'hasRoom', { value: false })
    expect((await bench.ask(POOLED, 'text')).text).toContain('Hello')
    expect(bench.ownCalls).toBe(1)
  })

  test('whole answers and streams in one dialect stay on the data thread', async () => {
    const bench = await pooledBench()
    await bench.ask({ side: 'anthropic', stream: false }, 'text')
    await bench.ask({ side: 'openai', stream: true }, 'text')
    expect(bench.ownCalls).toBe(2)
  })

  test.each([
    [1, 2, 0],
    [1, 3, 1],
    [3, 4, 0],
    [4, 8, 1],
  ])('%i data threads on %i cores: %i', (dataThreads, cores, expected) => {
    expect(poolThreadsFor(dataThreads, cores)).toBe(expected)
  })
})

describe('stages that fail, in the pool and inline', () => {
  const lanes = [{ pooled: true }, { pooled: false }]

  test.each(lanes)('one that cannot be imported costs its own request (%o)', async (lane) => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ ...lane, network: { max_retries: 3 }, plugins: [staging(() => stages)] })
    stages = [{ on: 'parts', ref: { module: 'file:///nowhere/stages.mjs', name: 'shout' } }]
    expect(await bench.ask(POOLED, 'text')).toMatchObject({ status: 500, type: 'internal_error' })
    stages = [addressed('missing')]
    expect(await bench.ask(POOLED, 'text')).toMatchObject({ status: 500, type: 'internal_error' })
    expect(bench.lines.join()).toContain('exports no fold missing')
    stages = []
    expect((await bench.ask(POOLED, 'text')).text).toContain('Hello')
    await bench.settled()
  })

  test.each(lanes)('one that throws, at its start or later (%o)', async (lane) => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ ...lane, plugins: [staging(() => stages)] })
    for (const name of ['unable', 'broken']) {
      stages = [addressed(name)]
      expect(await bench.ask(POOLED, 'text')).toMatchObject({ status: 500, type: 'internal_error', isMidStream: false })
    }
    stages = []
    expect((await bench.ask(POOLED, 'text')).text).toContain('Hello')
    await bench.settled()
  })

  test.each(lanes)('one that refuses is heard, and may end the fallbacks (%o)', async (lane) => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ ...lane, plugins: [staging(() => stages)] })
    stages = [addressed('refusing')]
    const verdict = await bench.ask(POOLED, 'text', { body: { fallbacks: ['openai/text'] } })
    expect(verdict).toMatchObject({ status: 403, type: 'request_blocked' })
    expect(bench.hits()).toHaveLength(1)
    await bench.settled()
  })

  test('one whose import never ends costs its own request, at its time limit', async () => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ pooled: false, network: { stream_idle_timeout_in_seconds: 60 }, plugins: [staging(() => stages)] })
    const module = pathToFileURL(`${folderWith({ 'hanging.mjs': 'await new Promise(() => {})' })}/hanging.mjs`).href
    stages = [{ on: 'parts', ref: { module, name: 'shout' } }]
    const stream = openStream(bench, POOLED, 'fault-stall-after-2')
    await until(() => bench.gateway.core.runtime.upstream.stats().busy === 1 && bench.hits().length === 1)
    bench.clock.advance(3_600_001)
    expect(await (await stream).rest()).toMatch(/request_timed_out|stream_idle_timeout/)
    await bench.settled()
  })

  test.each(lanes)('no alarm of a stage outlives a client that left (%o)', async (lane) => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ ...lane, plugins: [staging(() => stages)] })
    stages = [addressed('waking')]
    const stream = await openStream(bench, POOLED, 'fault-stall-after-2', {}, 'Hello')
    stream.leave()
    await expect(stream.rest()).rejects.toThrow()
    expect(await bench.upstream.closed(0)).toBe('closed-by-client')
    await bench.settled()
    expect(bench.gateway.core.runtime.deadlines.size).toBe(0)
  })

  test('options that cannot be cloned fail their own request, without another attempt', async () => {
    let stages: StreamStage[] = []
    const bench = await pooledBench({ network: { max_retries: 3 }, plugins: [staging(() => stages)] })
    stages = [addressed('shout', { mark: () => '!' })]
    expect(await bench.ask(POOLED, 'text')).toMatchObject({ status: 500, type: 'internal_error' })
    expect(bench.hits()).toHaveLength(0)
    await bench.settled()
  })
})

test('many streams share one pool thread, and give their places back', async () => {
  const bench = await pooledBench()
  const streams = await Promise.all(Array.from({ length: 60 }, () => openStream(bench, POOLED, 'events-50')))
  const texts = await Promise.all(streams.map((stream) => stream.rest()))
  expect(texts.filter((text) => text.endsWith('data: [DONE]\n\n'))).toHaveLength(60)
  expect(bench.ownCalls).toBe(0)
  await bench.settled()
})

test('usage reaches postHook', async () => {
  const seen: Outcome[] = []
  const plugin = definePlugin({ name: 'meter', setup: () => ({ hooks: { postHook: (outcome) => void seen.push(outcome) } }) })
  const bench = await pooledBench({ plugins: [plugin] })
  seen.length = 0
  await bench.ask(POOLED, 'cached')
  expect(bench.ownCalls).toBe(0)
  expect(seen).toMatchObject([{ ok: true, isStream: true, provider: 'anthropic', model: 'cached', usage: { inputTokens: 1212 } }])
})
