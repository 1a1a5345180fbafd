import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { redisDriver } from '../../../plugins/redis/index.ts'
import { keyValueConformance, noticesConformance } from '../../conformance/store-values.ts'
import { HAS_REDIS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis.ts'
import { openedKeyValue, openedNotices } from '../../helpers/stores.ts'

const TLS = new URL('../../fixtures/tls/', import.meta.url).pathname
const unavailable = { name: 'StoreError', fault: 'unavailable' }

/** What a suite needs: a prefix of its own is a place of its own. */
function places(config: () => object) {
  return {
    values: async () => {
      const key_prefix = `${randomUUID()}:`
      return { open: () => openedKeyValue(redisDriver, { ...config(), key_prefix }), pass: (ms: number) => wait(ms), shortMs: 300 }
    },
    notices: async () => {
      const key_prefix = `${randomUUID()}:`
      return () => openedNotices(redisDriver, { ...config(), key_prefix })
    },
  }
}

function suites(name: string, config: () => object): void {
  const { values, notices } = places(config)
  keyValueConformance({ name, newPlace: values })
  noticesConformance({ name, newPlace: notices })
}

describe.skipIf(!process.env.REDIS_URL)('the server of REDIS_URL', () => {
  suites('Redis', () => ({ url: process.env.REDIS_URL }))
})

if (!HAS_REDIS) test.skip(NO_REDIS, () => {})

describe.skipIf(!HAS_REDIS)('a server with a password', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis((port) => ['--port', String(port), '--requirepass', 'p@ss:word'])
  })
  afterAll(() => server?.end())

  suites('Redis', () => ({ addr: `127.0.0.1:${server.port}`, password: 'p@ss:word' }))

  test('is found by a URL too, with its password and database', async () => {
    const url = `redis://:${encodeURIComponent('p@ss:word')}@127.0.0.1:${server.port}/3`
    const [byUrl, byAddress] = [
      await openedKeyValue(redisDriver, { url }),
      await openedKeyValue(redisDriver, { addr: `127.0.0.1:${server.port}`, password: 'p@ss:word', db: 3 }),
    ]
    await byUrl.set('a', 'one', 60_000)
    expect(await byAddress.get('a')).toBe('one')
    await Promise.all([byUrl.close(), byAddress.close()])
  })

  test('refuses a wrong password, which is not repeated', async () => {
    const store = await openedKeyValue(redisDriver, { addr: `127.0.0.1:${server.port}`, password: 'wrong-secret' })
    const error = await store.get('a').catch((error: Error) => error)
    expect(error).toMatchObject(unavailable)
    expect(String(error)).not.toContain('wrong-secret')
    await store.close()
  })
})

describe.skipIf(!HAS_REDIS)('a lost server', () => {
  async function opened() {
    const server = await startRedis()
    onTestFinished(() => server.end())
    const config = { addr: `127.0.0.1:${server.port}` }
    const store = await openedKeyValue(redisDriver, config)
    onTestFinished(() => store.close())
    return { server, store, config }
  }

  test('that is killed and started again: refused within 2 s, nothing acknowledged is lost', async () => {
    const { server, store } = await opened()
    const acknowledged: number[] = []
    let isOver = false
    const writing = (async () => {
      while (!isOver) {
        try {
          acknowledged.push(await store.add('count', 1, 60_000))
        } catch (error) {
          expect(error).toMatchObject(unavailable)
        }
      }
    })()
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(50)
    await server.kill()
    const from = performance.now()
    await expect(store.get('count')).rejects.toMatchObject(unavailable)
    expect(performance.now() - from).toBeLessThan(3000)
    await server.start()
    const before = acknowledged.length
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(before + 50)
    isOver = true
    await writing
    expect(acknowledged).toEqual(acknowledged.toSorted((a, b) => a - b))
    expect(new Set(acknowledged).size).toBe(acknowledged.length)
    expect(Number(await store.get('count'))).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0)
  })

  test('that hangs: refused within about 2 s, served when it goes on', async () => {
    const { server, store } = await opened()
    await store.set('a', 'one', 60_000)
    await server.signal('SIGSTOP')
    const from = performance.now()
    await expect(store.get('a')).rejects.toMatchObject(unavailable)
    expect(performance.now() - from).toBeLessThan(3500)
    await server.signal('SIGCONT')
    await expect.poll(() => store.get('a').catch(() => undefined), { timeout: 10_000 }).toBe('one')
  })

  test('that was never there: refused within 2 s, served when it comes', async () => {
    const { server, config } = await opened()
    await server.kill()
    const store = await openedKeyValue(redisDriver, config)
    onTestFinished(() => store.close())
    await expect(store.ping()).rejects.toMatchObject(unavailable)
    await server.start()
    await expect
      .poll(
        () =>
          store.ping().then(
            () => 'there',
            () => 'away',
          ),
        { timeout: 10_000 },
      )
      .toBe('there')
  })

  test('tells those who listen that they may have missed something, and they hear the next', async () => {
    const { server, config } = await opened()
    const notices = await openedNotices(redisDriver, config)
    onTestFinished(() => notices.close())
    const heard: string[] = []
    let gaps = 0
    await notices.subscribe(
      'changes',
      (text) => heard.push(text),
      () => gaps++,
    )
    await notices.publish('changes', 'one')
    await expect.poll(() => heard).toEqual(['one'])
    await server.kill()
    await expect(notices.publish('changes', 'two')).rejects.toMatchObject(unavailable)
    await server.start()
    await expect.poll(() => gaps, { timeout: 10_000 }).toBe(1)
    await expect
      .poll(
        () =>
          notices.publish('changes', 'three').then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true)
    await expect.poll(() => heard).toEqual(['one', 'three'])
  })
})

describe.skipIf(!HAS_REDIS)('a server by TLS', () => {
  let server: RedisServer
  const files = ['--tls-cert-file', `${TLS}server.pem`, '--tls-key-file', `${TLS}server.key`, '--tls-ca-cert-file', `${TLS}ca.pem`]
  beforeAll(async () => {
    server = await startRedis((port) => ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...files])
  })
  afterAll(() => server?.end())

  test('is served where its certificate is known, or not looked at', async () => {
    const address = { addr: `localhost:${server.port}`, use_tls: true }
    for (const trust of [{ ca_cert_pem: readFileSync(`${TLS}ca.pem`, 'utf8') }, { insecure_skip_verify: true }]) {
      const store = await openedKeyValue(redisDriver, { ...address, ...trust })
      await store.set('a', 'one', 60_000)
      expect(await store.get('a')).toBe('one')
      await store.close()
    }
  })

  test('is refused where its certificate is unknown', async () => {
    const store = await openedKeyValue(redisDriver, { url: `rediss://localhost:${server.port}` })
    await expect(store.get('a')).rejects.toMatchObject(unavailable)
    await store.close()
  })
})

describe.skipIf(!HAS_REDIS)('a cluster', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis((port) => ['--port', String(port), '--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    const ask = (...args: string[]) => spawnSync('redis-cli', ['-p', String(server.port), ...args], { encoding: 'utf8' }).stdout
    ask('cluster', 'addslotsrange', '0', '16383')
    await vi.waitFor(() => expect(ask('cluster', 'info')).toContain('cluster_state:ok'), { timeout: 10_000 })
  })
  afterAll(() => server?.end())

  suites('Redis Cluster', () => ({ addr: `127.0.0.1:${server.port}`, cluster_mode: true }))

  test('that is lost is refused, and served when it is back', async () => {
    const store = await openedKeyValue(redisDriver, { addr: `127.0.0.1:${server.port}`, cluster_mode: true })
    await store.set('a', 'one', 60_000)
    await server.kill()
    await expect(store.get('a')).rejects.toMatchObject(unavailable)
    await server.start()
    await expect.poll(() => store.get('a').catch(() => undefined), { timeout: 15_000 }).toBe('one')
    await store.close()
  })
})

describe('the configuration of Redis', () => {
  test.each([
    [{}, 'either addr or url'],
    [{ addr: 'a:1', url: 'redis://a' }, 'either addr or url'],
    [{ addr: 'redis://a' }, 'host:port'],
    [{ addr: 'a:1,b:2' }, 'cluster_mode'],
    [{ url: 'http://a' }, 'redis://'],
    [{ addr: 'a', db: 1, cluster_mode: true }, 'database 0'],
    [{ addr: 'a', ca_cert_pem: 'x' }, 'PEM'],
    [{ addr: 'a', cluster: true }, 'cluster'],
  ])('%j is refused: %s', (config, sentence) => {
    const { error } = redisDriver.config.safeParse(config)
    expect(JSON.stringify(error?.issues)).toContain(sentence)
  })
})
