import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type ManualClock, manualClock, turn, until } from '../helpers/clock.ts'
import { startTokenServer, TOKEN_ANSWERS, type TokenAnswer, type TokenServer } from '../helpers/token-server.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

const { tokens } = TOKEN_ANSWERS
/** A credential that was refused is made anew only when it is older than this. */
const OLD_MS = 40_000

/** A gateway before a fake provider and a token server of its own, with wall clock and clock in the test's hand. */
interface Bench {
  gateway: TestGateway
  upstream: FakeUpstream
  server: TokenServer
  clock: ManualClock
  lines: string[]
  /** Lets wall clock and clock go on. */
  pass(ms: number): void
  ask(model?: string, options?: { body?: JsonObject; headers?: Record<string, string> }): Promise<Asked>
  /** Credentials that the provider was sent, in order. */
  sent(): string[]
}

interface Asked {
  status: number
  type: string | undefined
  text: string
  headers: string
}

interface BenchOptions {
  answer: TokenAnswer
  /** Keys of the provider besides the one that signs in. */
  keys?: JsonObject[]
  /** `client` and `providers` besides. */
  config?: (upstream: string) => JsonObject
  utilisation?: number
}

async function bench({ answer, keys = [], config, utilisation }: BenchOptions): Promise<Bench> {
  const [upstream, server] = [await startUpstream(), await startTokenServer(answer)]
  const clock = manualClock()
  const start = Date.now() - clock.now()
  const lines: string[] = []
  const network_config = { base_url: upstream.url }
  const { providers = {}, ...more } = (config?.(upstream.url) ?? {}) as { providers?: JsonObject }
  const own = { openai: { network_config, keys: [{ name: 'other', value: 'sk-other', models: ['*'] }] } }
  const vertex = { network_config, keys: [server.key('minted'), ...keys] }
  const gateway = await createGateway({
    config: { ...more, providers: { vertex, ...own, ...providers } },
    clock,
    wallClock: () => start + clock.now(),
    random: () => 0,
    logLevel: 'trace',
    onLog: (line) => lines.push(line),
    ...(utilisation !== undefined && { poolThreads: 1, utilisation: () => utilisation }),
  })
  onTestFinished(async () => {
    await gateway.close()
    await Promise.all([upstream.close(), server.close()])
  })
  return {
    gateway,
    upstream,
    server,
    clock,
    lines,
    pass: (ms) => clock.advance(ms),
    async ask(model = 'vertex/text', { body = {}, headers = {} } = {}) {
      const request = { model, messages: [{ role: 'user', content: 'hi' }], ...body }
      return read(await gateway.fetch('/v1/chat/completions', request, headers))
    },
    sent: () => upstream.requests.map((seen) => seen.key),
  }
}

async function read(answer: Response): Promise<Asked> {
  const text = await answer.text()
  const { error } = (text.startsWith('{') ? JSON.parse(text) : {}) as { error?: { type: string } }
  return { status: answer.status, type: error?.type, text, headers: JSON.stringify([...answer.headers]) }
}

describe('a refused credential', () => {
  test('is renewed once and the request goes again once with the new one', async () => {
    const { ask, server, pass, sent } = await bench({ answer: tokens('dead-token-1', 'ya29.good-2') })
    expect(await ask()).toMatchObject({ status: 502, type: 'upstream_credentials_exhausted' })
    expect([server.count, sent()]).toEqual([1, ['dead-token-1']])
    pass(OLD_MS)
    expect(await ask()).toMatchObject({ status: 200 })
    expect([server.count, sent()]).toEqual([2, ['dead-token-1', 'dead-token-1', 'ya29.good-2']])
    expect(await ask()).toMatchObject({ status: 200 })
    expect([server.count, sent().at(-1)]).toEqual([2, 'ya29.good-2'])
  })

  test.each([false, true])('is no reason for a third try when the new one is refused too (stream: %s)', async (stream) => {
    const { ask, server, pass, sent } = await bench({ answer: tokens('dead-token-1', 'dead-token-2', 'ya29.good-3') })
    await ask()
    pass(OLD_MS)
    expect(await ask('vertex/text', { body: { stream } })).toMatchObject({ status: 502, type: 'upstream_credentials_exhausted' })
    expect([server.count, sent()]).toEqual([2, ['dead-token-1', 'dead-token-1', 'dead-token-2']])
  })

  test('is renewed once for many requests that it was refused for at the same time', async () => {
    const { ask, server, pass, sent } = await bench({ answer: tokens('dead-token-1', 'ya29.good-2') })
    await ask()
    pass(OLD_MS)
    const { answer } = server
    server.answer = (response, count) => {
      pass(20)
      answer(response, count)
    }
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask()))
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200))
    expect([server.count, sent().filter((key) => key === 'ya29.good-2').length]).toEqual([2, 12])
  })

  test('that stands for money is not renewed', async () => {
    const { ask, server, pass } = await bench({ answer: tokens('dead-402-token', 'ya29.good-2') })
    await ask()
    pass(OLD_MS)
    expect(await ask()).toMatchObject({ status: 502 })
    expect(server.count).toBe(1)
  })

  test('makes way for the other keys when it stays refused', async () => {
    const other = { name: 'spare', value: 'AIza-good', models: ['*'], vertex_key_config: { project_id: 'my-project', region: 'eu' } }
    const { ask, sent } = await bench({ answer: tokens('dead-token-1'), keys: [other] })
    expect(await ask()).toMatchObject({ status: 200 })
    expect(sent()).toEqual(['dead-token-1', 'AIza-good'])
  })

  test('is renewed when models are listed, once', async () => {
    const { gateway, server, pass, sent } = await bench({ answer: tokens('dead-token-1', 'ya29.good-2', 'dead-token-3') })
    const list = async () => read(await gateway.fetch('/v1/models?provider=vertex'))
    expect(await list()).toMatchObject({ status: 502, type: 'upstream_credentials_exhausted' })
    pass(OLD_MS)
    expect(await list()).toMatchObject({ status: 200 })
    expect([server.count, sent()]).toEqual([2, ['dead-token-1', 'dead-token-1', 'ya29.good-2']])
  })

  test('is renewed for a list once, and the second refusal is the answer', async () => {
    const { gateway, server, pass, sent } = await bench({ answer: tokens('dead-token-1', 'dead-token-2', 'ya29.good-3') })
    const list = async () => read(await gateway.fetch('/v1/models?provider=vertex'))
    await list()
    pass(OLD_MS)
    expect(await list()).toMatchObject({ status: 502, type: 'upstream_credentials_exhausted' })
    expect([server.count, sent()]).toEqual([2, ['dead-token-1', 'dead-token-1', 'dead-token-2']])
  })
})

describe('a token server that fails', () => {
  const WAYS: [string, TokenAnswer, RegExp][] = [
    ['answers 500', TOKEN_ANSWERS.failure, /the token server answered 500: internal_failure/],
    ['answers HTML', TOKEN_ANSWERS.garbage, /the token server answered 200 with no JSON/],
    ['answers without a token', TOKEN_ANSWERS.nothing, /the token server answered 200/],
    ['answers with a token that has ended', TOKEN_ANSWERS.ended, /had ended already/],
    ['breaks off', TOKEN_ANSWERS.cut, /\(key minted\)/],
  ]

  test.each(WAYS)('that %s costs its key alone, and is left alone for a while', async (_, answer, reason) => {
    const config = (base_url: string): JsonObject => ({
      providers: {
        mine: {
          network_config: { base_url },
          custom_provider_config: { base_provider_type: 'openai' },
          keys: [{ name: 'mine', value: 'sk-mine', models: ['*'] }],
        },
      },
    })
    const { ask, server, pass, sent } = await bench({ answer, config })
    const failed = await ask()
    expect(failed).toMatchObject({ status: 502, type: 'upstream_sign_in_failed' })
    expect(failed.text).toMatch(reason)
    expect(await ask('openai/text')).toMatchObject({ status: 200 })
    expect(await ask('vertex/text', { body: { fallbacks: ['mine/text'] } })).toMatchObject({ status: 200 })
    expect([server.count, sent()]).toEqual([1, ['sk-other', 'sk-mine']])
    server.answer = tokens('ya29.back-again')
    pass(1_100)
    expect(await ask()).toMatchObject({ status: 200 })
    expect([server.count, sent().at(-1)]).toEqual([2, 'ya29.back-again'])
  })

  test('by hanging costs ten seconds of its own requests, and nobody else’s time', async () => {
    const other = { name: 'spare', value: 'AIza-good', models: ['narrow'], vertex_key_config: { project_id: 'my-project', region: 'eu' } }
    const { ask, server, clock, sent, gateway } = await bench({ answer: TOKEN_ANSWERS.hang, keys: [other] })
    let isAnswered = false
    const waiting = ask().finally(() => {
      isAnswered = true
    })
    await until(() => server.count === 1)
    expect(await ask('openai/text')).toMatchObject({ status: 200 })
    expect(await ask('vertex/narrow', { headers: { 'x-bf-api-key': 'spare' } })).toMatchObject({ status: 200 })
    clock.advance(9_900)
    await turn()
    expect(isAnswered).toBe(false)
    clock.advance(200)
    expect(await waiting).toMatchObject({ status: 502, type: 'upstream_sign_in_failed' })
    // No place is held by what nobody waits for any more, and the next request need not wait at all.
    expect(await ask()).toMatchObject({ status: 502, type: 'upstream_sign_in_failed' })
    expect([server.count, sent()]).toEqual([1, ['sk-other', 'AIza-good']])
    const { tables, shared } = gateway.core.runtime
    expect([...tables.providers.values()].map(({ slot }) => shared.inFlight.count(slot))).not.toContain(1)
  })

  test('by hanging lets another key of its provider serve', async () => {
    const other = { name: 'spare', value: 'AIza-good', models: ['*'], vertex_key_config: { project_id: 'my-project', region: 'eu' } }
    const { ask, clock, server, sent } = await bench({ answer: TOKEN_ANSWERS.hang, keys: [other] })
    const waiting = ask()
    await until(() => server.count === 1)
    clock.advance(10_100)
    expect(await waiting).toMatchObject({ status: 200 })
    expect(sent()).toEqual(['AIza-good'])
  })

  test('by hanging does not keep the models of others from being listed', async () => {
    const { gateway, clock, server, sent } = await bench({ answer: TOKEN_ANSWERS.hang })
    const list = gateway.fetch('/v1/models')
    await until(() => server.count === 1 && sent().length === 1 && gateway.core.runtime.upstream.stats().busy === 0)
    clock.advance(10_100)
    const { data } = (await (await list).json()) as { data: { id: string }[] }
    expect(data.some(({ id }) => id.startsWith('openai/'))).toBe(true)
  })
})

describe('a credential near its end', () => {
  test('is replaced while requests go on with the old one, and none of them waits', async () => {
    const { ask, server, pass, sent } = await bench({ answer: tokens('ya29.first-1', 'ya29.second-2') })
    await ask()
    pass(40 * 60_000)
    await ask()
    expect(server.count).toBe(1)
    let release: (() => void) | undefined
    server.answer = (response, count) => {
      release = () => tokens('ya29.first-1', 'ya29.second-2')(response, count)
    }
    // A fifth of an hour is twelve minutes.
    pass(9 * 60_000)
    await until(() => release !== undefined)
    expect(await ask()).toMatchObject({ status: 200 })
    expect(sent()).toEqual(Array(3).fill('ya29.first-1'))
    release?.()
    while (sent().at(-1) !== 'ya29.second-2') await ask()
    expect(server.count).toBe(2)
  })

  test('serves to its end while no other can be had', async () => {
    const { ask, server, pass, sent } = await bench({ answer: tokens('ya29.first-1') })
    await ask()
    server.answer = TOKEN_ANSWERS.failure
    pass(49 * 60_000)
    await until(() => server.count === 2)
    pass(10 * 60_000)
    expect(await ask()).toMatchObject({ status: 200 })
    pass(2 * 60_000)
    expect(await ask()).toMatchObject({ status: 502, type: 'upstream_sign_in_failed' })
    expect(sent()).toEqual(Array(2).fill('ya29.first-1'))
  })
})

describe('a minted credential that the provider quotes', () => {
  // In no shape that is masked without knowing it.
  const SECRET = '"odd"minted+token/81'
  const forms = [SECRET, JSON.stringify(SECRET).slice(1, -1), encodeURIComponent(SECRET)]
  const raw = { 'x-bf-send-back-raw-response': 'true', 'x-bf-send-back-raw-request': 'true' }

  test.each([
    'fault-echo-headers',
    'fault-echo-text',
    'fault-echo-html-500',
    'fault-echo-text-500',
    'fault-echo-200-error',
    'fault-echo-429',
    'fault-echo-401',
  ])('is in no error and no log line: %s', async (model) => {
    for (const utilisation of [0, 1]) {
      const { ask, lines, sent } = await bench({ answer: tokens(SECRET), utilisation })
      for (const stream of [false, true]) {
        const { text, headers, status } = await ask(`vertex/${model}`, { body: { stream }, headers: raw })
        expect([model, status >= 400 || text.includes('error')]).toEqual([model, true])
        for (const form of forms) expect([model, text + headers + lines.join('')]).not.toEqual([model, expect.stringContaining(form)])
      }
      expect(sent()).toContain(SECRET)
    }
  })

  test('nor is the one before it, which may be under way still', async () => {
    const { ask, pass, server, lines } = await bench({ answer: tokens('dead-first-token-1', 'ya29.second-token-2') })
    await ask()
    pass(OLD_MS)
    await ask()
    expect(server.count).toBe(2)
    const quoted = 'it said: dead-first-token-1 and ya29.second-token-2'
    const { text } = await ask('vertex/fault-echo-headers', { headers: { ...raw, 'x-bf-eh-quoted': quoted } })
    expect(text).toContain('it said: [redacted] and [redacted]')
    expect(lines.join('')).not.toMatch(/first-token-1|second-token-2/)
  })
})
