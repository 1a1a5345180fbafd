import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../core/errors.ts'
import { keyStatus, noteListed, noteRefused, noteWorked } from '../../core/key-status.ts'
import { createShared, openShared } from '../../core/shared.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { closedPort } from '../helpers/bad-hosts.ts'
import { type FaultBench, faultBench, WAYS } from '../helpers/faults.ts'
import { answerOf, rawServer } from './upstream/support.ts'

const UNKNOWN = { status: 'unknown', description: '', lastError: undefined, upstreamStatus: undefined, coolDownUntil: undefined }
const SUCCESS = { ...UNKNOWN, status: 'success' }

describe('what is known of a key', () => {
  const key = { slot: 7 }
  const shared = () => openShared(createShared())

  it('is nothing at first, and of this key alone', () => {
    const counters = shared()
    noteWorked(counters, { slot: 8 })
    expect(keyStatus(counters, key, 0)).toEqual(UNKNOWN)
  })

  it('is its refusal, until it serves again, which ends its cool-down', () => {
    const counters = shared()
    noteRefused(counters, key, 401)
    counters.coolDown.set(key.slot, 500)
    const refused = { status: 'refused', description: 'the provider answered 401', lastError: 'upstream_error', upstreamStatus: 401 }
    expect(keyStatus(counters, key, 499)).toEqual({ ...refused, coolDownUntil: 500 })
    noteListed(counters, key)
    expect(keyStatus(counters, key, 500)).toEqual({ ...refused, coolDownUntil: undefined })
    noteWorked(counters, key)
    expect(keyStatus(counters, key, 0)).toEqual(SUCCESS)
  })

  it('is a cool-down that a success does not end where it is for a limit', () => {
    const counters = shared()
    counters.coolDown.set(key.slot, 500)
    noteWorked(counters, key)
    expect(keyStatus(counters, key, 0)).toEqual({ ...SUCCESS, coolDownUntil: 500 })
  })

  it.each([
    [new GatewayError('GW_UPSTREAM_CONNECT'), 'listing models failed: upstream_connect_error', 'upstream_connect_error', undefined],
    [new GatewayError('GW_UPSTREAM_ERROR', { status: 500 }), 'listing models failed: the provider answered 500', 'upstream_error', 500],
    [
      new GatewayError('GW_CREDENTIALS_EXHAUSTED', {}, { cause: new GatewayError('GW_UPSTREAM_ERROR', { status: 403 }) }),
      'listing models failed: the provider answered 403',
      'upstream_error',
      403,
    ],
    [new Error('sk-secret'), 'listing models failed: internal_error', 'internal_error', undefined],
  ])('is why its models were not listed: %s', (error, description, lastError, upstreamStatus) => {
    const counters = shared()
    noteListed(counters, key, error)
    const failed = { status: 'list_models_failed', description, lastError, upstreamStatus, coolDownUntil: undefined }
    expect(keyStatus(counters, key, 0)).toEqual(failed)
    noteListed(counters, key, new GatewayError('GW_CANCELLED'))
    expect(keyStatus(counters, key, 0)).toEqual(failed)
    noteListed(counters, key)
    expect(keyStatus(counters, key, 0)).toEqual(SUCCESS)
  })
})

function statusesOf({ core: { runtime } }: TestGateway, provider: string, now = 0): Record<string, unknown> {
  const keys = runtime.tables.providers.get(provider)?.keys ?? []
  return Object.fromEntries(keys.map((key) => [key.name, keyStatus(runtime.shared, key, now)]))
}

describe.each(WAYS)('$side, stream $stream', (way) => {
  it('a key that is refused and one that serves say so', async () => {
    const bench: FaultBench = await faultBench({ keys: ['dead-key-1', 'sk-good'], random: () => 0, wallClock: () => 1000 })
    const [dead, good] = [`${way.side}-1`, `${way.side}-2`]
    expect(statusesOf(bench.gateway, way.side)).toEqual({ [dead]: UNKNOWN, [good]: UNKNOWN })
    expect((await bench.ask(way, 'text')).text).toBeDefined()
    expect(statusesOf(bench.gateway, way.side)).toEqual({
      [dead]: expect.objectContaining({ status: 'refused', upstreamStatus: 401, coolDownUntil: 61_000 }) as unknown,
      [good]: SUCCESS,
    })
  })
})

describe('listing models', () => {
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })

  it('tells of each key of each provider', async () => {
    const server = await rawServer(({ text, socket }) => {
      const isGood = text.includes('Bearer sk-good')
      socket.write(isGood ? answerOf('{"data":[{"id":"m"}]}') : 'HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
    })
    const network_config = { base_url: `http://127.0.0.1:${server.port}` }
    const key = (name: string) => ({ name, value: `sk-${name}-value`, models: ['*'] })
    const gateway = await createGateway({
      config: {
        providers: {
          openai: { network_config, keys: [key('good')] },
          groq: { network_config, keys: [key('bad')] },
          mistral: { network_config: { base_url: `http://127.0.0.1:${await closedPort()}` }, keys: [key('far')] },
        },
      },
    })
    closers.push(
      () => gateway.close(),
      () => server.close(),
    )
    expect((await gateway.fetch('/v1/models')).status).toBe(200)
    expect(statusesOf(gateway, 'openai').good).toEqual(SUCCESS)
    expect(statusesOf(gateway, 'groq').bad).toMatchObject({ status: 'list_models_failed', upstreamStatus: 401 })
    expect(statusesOf(gateway, 'mistral').far).toMatchObject({ status: 'list_models_failed', lastError: 'upstream_connect_error' })
  })
})
