import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Candidate } from '../../core/hooks/hooks.ts'
import { orderForSession } from '../../core/key-choice.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

let upstream: FakeUpstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await startUpstream()
  const key = (name: string, more: object = {}) => ({ id: `id-${name}`, name, value: `sk-${name}`, models: ['*'], ...more })
  const network_config = { base_url: upstream.url }
  const asksAnother = definePlugin({
    name: 'asks-another',
    setup: () => ({
      hooks: {
        preRequest: {
          async: true,
          needs: 'canonical',
          async handler(ctx) {
            if (ctx.parent || ctx.request.user !== 'ask another') return
            return { response: await ctx.call({ ...ctx.request, model: 'anthropic/text' }, { reason: 'second opinion' }) }
          },
        },
      },
    }),
  })
  gateway = await createGateway({
    plugins: [asksAnother],
    config: {
      providers: {
        openai: {
          network_config,
          keys: [
            key('one'),
            key('two'),
            key('three'),
            key('narrow', { models: ['small'], weight: 0 }),
            key('blocked', { blacklisted_models: ['text'], weight: 0 }),
            key('off', { enabled: false }),
            key('spare', { weight: null }),
          ],
        },
        anthropic: { network_config, keys: [key('other')] },
      },
    },
  })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

interface Asked {
  status: number
  key: string
  error?: { message: string; type: string }
}

async function ask(headers: Record<string, string>, body: object = {}): Promise<Asked> {
  const request = { model: 'openai/text', messages: [{ role: 'user', content: 'hi' }], ...body }
  const answer = await gateway.fetch('/v1/chat/completions', request, headers)
  const { error } = (await answer.json()) as { error?: Asked['error'] }
  return { status: answer.status, key: upstream.requests.at(-1)?.key ?? '', ...(error && { error }) }
}

describe('a key that the client names', () => {
  it.each([
    ['x-bf-api-key', 'two', 'sk-two'],
    ['x-bf-api-key-id', 'id-three', 'sk-three'],
    ['x-bf-api-key', 'spare', 'sk-spare'],
  ])('%s: %s serves alone', async (header, value, key) => {
    for (let count = 0; count < 5; count++) expect(await ask({ [header]: value })).toEqual({ status: 200, key })
  })

  it('by its id goes before its name', async () => {
    expect(await ask({ 'x-bf-api-key': 'one', 'x-bf-api-key-id': 'id-two' })).toMatchObject({ key: 'sk-two' })
  })

  it.each([
    ['x-bf-api-key', 'nobody', 400, '"nobody" is no key of provider openai'],
    ['x-bf-api-key-id', 'other', 400, '"other" is no key of provider openai'],
    ['x-bf-api-key', 'off', 400, 'is disabled'],
    ['x-bf-api-key', 'narrow', 403, 'models of key narrow'],
    ['x-bf-api-key', 'blocked', 403, 'blacklisted_models of key blocked'],
  ])('%s: %s is %d', async (header, value, status, message) => {
    const before = upstream.requests.length
    const answer = await ask({ [header]: value })
    expect(answer.status).toBe(status)
    expect(answer.error?.message).toContain(message)
    expect(upstream.requests.length).toBe(before)
  })

  it('is not asked of fallbacks', async () => {
    const answer = await ask({ 'x-bf-api-key': 'two' }, { model: 'openai/fault-503', fallbacks: ['anthropic/text'] })
    expect(answer).toEqual({ status: 200, key: 'sk-other' })
  })
})

describe('behind another gateway', () => {
  const hop = { 'x-bifrost-hop': '1' }

  it('a key that the client names serves alone', async () => {
    for (let count = 0; count < 5; count++) expect(await ask({ ...hop, 'x-bf-api-key': 'two' })).toEqual({ status: 200, key: 'sk-two' })
    expect(await ask({ ...hop, 'x-bf-api-key': 'nobody' })).toMatchObject({ status: 400 })
  })

  it('a session keeps its key', async () => {
    const { key } = await ask({ 'x-bf-session-id': 'ours' })
    for (let count = 0; count < 8; count++) expect(await ask({ ...hop, 'x-bf-session-id': 'ours' })).toEqual({ status: 200, key })
  })
})

describe('a request that a plugin makes', () => {
  it('is not held to the key that its client named', async () => {
    const { key } = await ask({ 'x-bf-api-key': 'two' }, { user: 'ask another' })
    expect(key).toBe('sk-other')
  })
})

describe('a session', () => {
  it('keeps its key', async () => {
    const { key } = await ask({ 'x-bf-session-id': 'mine' })
    for (let count = 0; count < 8; count++) expect(await ask({ 'x-bf-session-id': 'mine' })).toEqual({ status: 200, key })
  })

  const candidates = (weights: Record<string, number>): Candidate[] =>
    Object.entries(weights).map(([id, weight]) => ({ key: { id }, weight }) as Candidate)
  const sessions = Array.from({ length: 6000 }, (_, at) => `session ${at}`)
  const first = (weights: Record<string, number>, session: string) => orderForSession(candidates(weights), session)[0]?.key?.id

  it('is one of many that use the keys by their weights', () => {
    const share = sessions.filter((session) => first({ a: 1, b: 3 }, session) === 'b').length / sessions.length
    expect(share).toBeGreaterThan(0.72)
    expect(share).toBeLessThan(0.78)
  })

  it('moves only to a key that is new, or from one that went', () => {
    for (const session of sessions.slice(0, 500)) {
      const before = first({ a: 1, b: 1, c: 2 }, session)
      expect(['d', before]).toContain(first({ a: 1, b: 1, c: 2, d: 1 }, session))
      if (before !== 'c') expect(first({ a: 1, b: 1 }, session)).toBe(before)
    }
  })

  it('spreads over keys that all have no weight', () => {
    expect(new Set(sessions.map((session) => first({ a: 0, b: 0, c: 0 }, session))).size).toBe(3)
  })
})
