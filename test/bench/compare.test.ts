import { describe, expect, it } from 'vitest'
import { isVoid, median, percentile, ratioOf, readBaseline, summarize } from '../../bench/compare.ts'
import type { Measurement } from '../../bench/load/job.ts'
import { countMarks } from '../../bench/load/paced.ts'
import { requestOf, SCENARIOS } from '../../bench/load/scenarios.ts'
import { nginxConfig } from '../../bench/nginx.ts'
import { cpuSeconds, residentBytes, treeOf } from '../../bench/process.ts'
import { foreignTarget } from '../../bench/target.ts'

const round = (micros: number, failures = 0): Measurement => ({
  count: 1000,
  seconds: 1,
  cpuSeconds: micros / 1000,
  failures,
  latencies: [],
})
const summary = (name: string, micros: number[]) =>
  summarize(
    name,
    micros.map((value) => round(value)),
    0,
  )

describe('figures', () => {
  it('takes medians and percentiles', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, Number.NaN])
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([], 0.5)]).toEqual([50, 99, Number.NaN])
  })

  it('divides CPU by what was counted', () => {
    expect(summarize('x', [round(20), round(30, 2)], 7)).toEqual({
      target: 'x',
      perSecond: 1000,
      cpuMicros: [20, 30],
      busy: 0.025,
      failures: 2,
      residentBytes: 7,
    })
  })

  it('forms ratios round by round and fails past limit and noise only', () => {
    const baseline = { noise: 0.1, limits: { whole: 2 } }
    const against = (micros: number[]) => ratioOf('whole', summary('gateway', micros), summary('nginx', [10, 20, 10]), baseline)
    expect(against([20, 40, 20])).toMatchObject({ ratio: 2, range: [2, 2], isPast: false })
    expect(against([21.9, 43.8, 21.9]).isPast).toBe(false)
    expect(against([22.1, 44.2, 22.1]).isPast).toBe(true)
    expect(against([]).isPast).toBe(true)
  })

  it('voids failed requests and lost events', () => {
    expect(isVoid(summary('x', [10]), {})).toBe(false)
    expect(isVoid(summary('x', [10]), { perSecond: 1100 })).toBe(true)
    expect(isVoid(summarize('x', [round(10, 1)], 0), {})).toBe(true)
  })

  it('has a limit for every scenario', () => {
    expect(Object.keys(readBaseline().limits).sort()).toEqual(SCENARIOS.map(({ name }) => name).sort())
  })

  it('counts a mark that two reads share once', () => {
    expect(countMarks(Buffer.from('data: 1\n\ndata: 2\n\nda'), Buffer.alloc(0), 'data:')).toBe(2)
    expect(countMarks(Buffer.from('ta: 3\n\n'), Buffer.from('\n\nda').subarray(-4), 'data:')).toBe(1)
    expect(countMarks(Buffer.from('data: 4'), Buffer.from('a: 3'), 'data:')).toBe(1)
  })
})

describe('requests', () => {
  const paths = {
    openai: '/v1/chat/completions',
    responses: '/v1/responses',
    anthropic: '/v1/messages',
    gemini: 'enerateContent',
    bedrock: '/converse',
    cohere: '/v2/chat',
  }
  it.each(SCENARIOS)(
    'asks for $name in the client dialect of the gateway, in the provider dialect of others, in about 1 KB',
    (scenario) => {
      const own = requestOf(scenario, 'gateway')
      const plain = requestOf(scenario, 'plain')
      const named = `${scenario.provider}/${scenario.model}`
      expect(own.path).toContain(paths[scenario.client ?? 'openai'])
      expect(plain.path).toContain(paths[scenario.wire ?? scenario.provider])
      expect(decodeURIComponent(own.path).includes(named) || own.body.startsWith(`{"model":"${named}"`)).toBe(true)
      expect(plain.path.includes(scenario.model) || plain.body.startsWith(`{"model":"${scenario.model}"`)).toBe(true)
      expect(plain.body.length).toBeGreaterThan(850)
      expect(plain.body.length).toBeLessThan(1100)
    },
  )

  it('gives nginx kept connections, and no buffering where it streams', () => {
    const text = nginxConfig('/somewhere', { whole: 1, stream: 2, upstream: 3 })
    expect(text).toMatch(/listen 127\.0\.0\.1:2 [^}]*proxy_buffering off/)
    expect(text).toMatch(/server 127\.0\.0\.1:3;\s+keepalive \d+/)
    expect(text.match(/proxy_set_header Connection ""/g)).toHaveLength(2)
  })

  it('takes a target by port and pid', () => {
    expect(foreignTarget('other=8081:77')).toMatchObject({ name: 'other', route: 'plain', root: 77 })
    expect(() => foreignTarget('other')).toThrow('name=port:pid')
  })
})

describe('process accounts', () => {
  it('finds this process in its tree, with CPU and memory', () => {
    expect(treeOf(process.pid)[0]).toBe(process.pid)
    expect(treeOf(process.ppid)).toContain(process.pid)
    expect(cpuSeconds([process.pid])).toBeGreaterThan(0)
    expect(residentBytes([process.pid])).toBeGreaterThan(10_000_000)
  })
})
