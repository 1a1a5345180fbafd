import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode, GatewayError } from '../../core/errors.ts'
import { backoffMs, fallsBack, isDeadKey, isLimited, judge, retryAfterMs } from '../../core/retry.ts'
import type { NetworkSettings } from '../../core/snapshot.ts'

const upstream = (status: number, message = 'no', type?: string): GatewayError =>
  new GatewayError('GW_UPSTREAM_ERROR', { status, upstream: { message, type } })
const own = (code: ErrorCode): GatewayError => new GatewayError(code)

/** What each failure leads to: with another key left, with a retry left, with neither; and whether the next fallback is tried. */
const TABLE: readonly [name: string, error: GatewayError, withKey: string, withRetry: string, fallsBack: boolean][] = [
  ['400', upstream(400), 'stop', 'stop', false],
  ['401', upstream(401), 'rotate', 'stop', true],
  ['402', upstream(402), 'rotate', 'stop', true],
  ['403', upstream(403), 'rotate', 'stop', true],
  ['404', upstream(404), 'stop', 'stop', false],
  ['409', upstream(409), 'stop', 'stop', false],
  ['413', upstream(413), 'stop', 'stop', false],
  ['422', upstream(422), 'stop', 'stop', false],
  ['429', upstream(429), 'rotate', 'retry', true],
  ['500', upstream(500), 'stop', 'retry', true],
  ['502', upstream(502), 'stop', 'retry', true],
  ['503', upstream(503), 'stop', 'retry', true],
  ['504', upstream(504), 'stop', 'retry', true],
  ['529', upstream(529), 'stop', 'retry', true],
  ['501', upstream(501), 'stop', 'stop', true],
  ['500 that means a limit', upstream(500, 'Rate limit reached for requests'), 'rotate', 'retry', true],
  ['503 that means a limit', upstream(503, 'x', 'throttling_exception'), 'rotate', 'retry', true],
  ['a lost connection', own('GW_UPSTREAM_RESET'), 'stop', 'retry', true],
  ['no connection', own('GW_UPSTREAM_CONNECT'), 'stop', 'retry', true],
  ['a certificate', own('GW_UPSTREAM_TLS'), 'stop', 'stop', true],
  ['a slow connect', own('GW_CONNECT_TIMEOUT'), 'stop', 'retry', true],
  ['a slow answer', own('GW_REQUEST_TIMEOUT'), 'stop', 'retry', true],
  ['a cut stream', own('GW_UPSTREAM_TRUNCATED'), 'stop', 'retry', true],
  ['an answer that is none', own('GW_UPSTREAM_INVALID'), 'stop', 'retry', true],
  ['a redirect', own('GW_UPSTREAM_REDIRECT'), 'stop', 'stop', true],
  ['an answer too large', own('GW_UPSTREAM_TOO_LARGE'), 'stop', 'stop', true],
  ['a full queue', own('GW_QUEUE_FULL'), 'stop', 'stop', true],
  ['all keys refused', own('GW_CREDENTIALS_EXHAUSTED'), 'stop', 'stop', true],
  ['a parameter it cannot take', own('GW_UNSUPPORTED_PARAMETER'), 'stop', 'stop', false],
  ['a refusal', own('GW_MODEL_NOT_ALLOWED'), 'stop', 'stop', false],
  ['the client left', own('GW_CANCELLED'), 'stop', 'stop', false],
  ['the deadline', own('GW_DEADLINE'), 'stop', 'stop', false],
  ['a plugin', own('GW_PLUGIN'), 'stop', 'stop', false],
]

describe.each(TABLE)('%s', (_, error, withKey, withRetry, falls) => {
  test('is judged', () => {
    expect(judge(error, { keys: 1, retries: 0 })).toBe(withKey)
    expect(judge(error, { keys: 0, retries: 1 })).toBe(withRetry)
    expect(judge(error, { keys: 0, retries: 0 })).toBe('stop')
  })

  test('falls back, unless a hook said no', () => {
    expect(fallsBack(error)).toBe(falls)
    const closed = new GatewayError(error.code, error.detail)
    closed.allowFallbacks = false
    expect(fallsBack(closed)).toBe(false)
  })
})

test('a refused key is no limit, and a limit no refused key', () => {
  for (const [, error] of TABLE) expect(isDeadKey(error) && isLimited(error)).toBe(false)
})

test('every code of the table is judged without a throw', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[])
    expect(['rotate', 'retry', 'stop']).toContain(judge(own(code), { keys: 1, retries: 1 }))
})

describe('the pause before a retry', () => {
  const network = { retryBackoffInitialMs: 500, retryBackoffMaxMs: 5000 } as NetworkSettings

  test('doubles from the first, by the middle of its jitter', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((retry) => backoffMs(network, retry, () => 0.5))).toEqual([500, 1000, 2000, 4000, 5000, 5000, 5000])
  })

  test('is jittered by a fifth and never above the most', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (retry, random) => {
        const ms = backoffMs(network, retry, () => random)
        const base = Math.min(500 * 2 ** retry, 5000)
        expect(ms).toBeGreaterThanOrEqual(base * 0.8)
        expect(ms).toBeLessThanOrEqual(Math.min(base * 1.2, 5000))
      }),
    )
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  test.each([
    [{}, undefined],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Thu, 01 Jan 2020 00:00:00 GMT' }, 0],
    [{ 'retry-after': '2026-01-01T00:00:05Z' }, 5000],
    [{ 'retry-after': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '5 seconds' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after-ms': '250', 'retry-after': '1' }, 250],
    [{ 'retry-after-ms': 'x', 'retry-after': '1' }, 1000],
    [{ 'retry-after-ms': '-1', 'retry-after': '1' }, 1000],
    [{ 'retry-after-ms': '' }, undefined],
  ])('%j is %s ms', (headers, expected) => {
    expect(retryAfterMs(new Map(Object.entries(headers)), now)).toBe(expected)
  })
})
