import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { GatewayError } from '../../core/errors.ts'
import type { Outcome } from '../../core/hooks/hooks.ts'
import { definePlugin } from '../../core/plugin/plugin.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'

let upstream: FakeUpstream
let gateway: TestGateway | undefined
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())
afterEach(async () => {
  await gateway?.close()
  gateway = undefined
})

type Hooks = Awaited<ReturnType<Parameters<typeof definePlugin>[0]['setup']>>['hooks']

async function start(hooks: Hooks): Promise<TestGateway> {
  const keys = (name: string) => [
    { name: `${name}-a`, value: `sk-${name}-a`, models: ['*'] },
    { name: `${name}-b`, value: `sk-${name}-b`, models: ['whole-1k'] },
  ]
  const network_config = { base_url: upstream.url }
  gateway = await createGateway({
    config: { providers: { openai: { keys: keys('openai'), network_config }, anthropic: { keys: keys('anthropic'), network_config } } },
    plugins: [definePlugin({ name: 'under-test', setup: () => ({ hooks }) as never })],
  })
  return gateway
}

function ask(model: string, extra: object = {}): object {
  return { model, messages: [{ role: 'user', content: 'Hi' }], ...extra }
}

/** A whole answer as JSON, a stream as its text. */
// biome-ignore lint/suspicious/noExplicitAny: what came back is looked at by assertions
type Body = any

async function answerOf(model: string, extra: object = {}): Promise<{ status: number; body: Body }> {
  const response = await (gateway as TestGateway).fetch('/v1/chat/completions', ask(model, extra))
  return { status: response.status, body: extra && 'stream' in extra ? await response.text() : await response.json() }
}

const CANNED = {
  id: 'canned',
  model: 'm',
  choices: [{ index: 0, parts: [{ type: 'text' as const, text: 'from the plugin' }], stop: { reason: 'stop' as const } }],
}

test('a plugin may name the provider that the client left out', async () => {
  await start({
    preRequest: {
      needs: 'canonical',
      handler(ctx) {
        ctx.request = { ...ctx.request, model: 'openai/whole-1k' }
      },
    },
  })
  expect((await answerOf('fast')).body.extra_fields).toMatchObject({ provider: 'openai', resolved_model_used: 'whole-1k' })
})

test('a model that stays without a provider is refused, with the client’s own words', async () => {
  await start({ preRequest: () => undefined })
  const { status, body } = await answerOf('fast')
  expect([status, body.error.message]).toEqual([400, 'model should be in provider/model form, got "fast"'])
})

test('an answer in place of the provider’s waits for governance', async () => {
  const before = upstream.requests.length
  await start({ preRequest: () => ({ response: CANNED }), governance: () => new GatewayError('GW_REQUEST_BLOCKED', { reason: 'not you' }) })
  const { status, body } = await answerOf('openai/whole-1k')
  expect([status, body.error.message]).toEqual([403, 'not you'])
  expect(upstream.requests).toHaveLength(before)
})

test.each([false, true])('it is served without an upstream when governance lets it pass (stream %s)', async (stream) => {
  const before = upstream.requests.length
  await start({ preRequest: () => ({ response: CANNED }) })
  const { status, body } = await answerOf('openai/whole-1k', stream ? { stream } : {})
  expect(status).toBe(200)
  expect(JSON.stringify(body)).toContain('from the plugin')
  if (stream) expect(body).toMatch(/data: \[DONE\]\n\n$/)
  expect(upstream.requests).toHaveLength(before)
})

test('no choice of a plugin escapes the allow-lists of the keys', async () => {
  await start({
    keySelection: (candidates) =>
      candidates
        .flatMap(({ provider, ...rest }) => provider.keys.map((key) => ({ ...rest, provider, key })))
        .filter(({ key }) => key.name === 'openai-b'),
  })
  const { status, body } = await answerOf('openai/events-3')
  expect([status, body.error.type]).toEqual([403, 'model_blocked'])
  expect((await answerOf('openai/whole-1k')).status).toBe(200)
  expect(upstream.requests.at(-1)?.key).toBe('sk-openai-b')
})

test('nor by another model or another provider’s key', async () => {
  await start({ keySelection: (candidates) => candidates.map((candidate) => ({ ...candidate, model: 'length' })) })
  expect((await answerOf('openai/whole-1k')).status).toBe(403)
})

test.each([false, true])('a stream hook that throws fails its request alone (anthropic %s)', async (isTranslated) => {
  let throws = true
  await start({
    stream: () => {
      if (throws) throw new Error('broken hook')
    },
  })
  const model = `${isTranslated ? 'anthropic' : 'openai'}/events-3`
  const failed = await answerOf(model, { stream: true })
  expect([failed.status, JSON.parse(failed.body).error.message]).toEqual([500, 'plugin under-test failed in stream'])
  throws = false
  expect((await answerOf(model, { stream: true })).body).toMatch(/data: \[DONE\]\n\n$/)
  expect(gateway?.core.runtime.deadlines.size).toBe(0)
})

test('postHook sees good and bad outcomes, and may replace a whole answer', async () => {
  const seen: Outcome[] = []
  await start({
    postHook: {
      needs: 'response',
      handler: (outcome) => {
        seen.push(outcome)
        return outcome.ok ? { ...outcome, response: { ...CANNED, model: outcome.model } } : undefined
      },
    },
  })
  expect(JSON.stringify((await answerOf('openai/whole-1k')).body)).toContain('from the plugin')
  expect((await answerOf('openai/fault-400')).status).toBe(400)
  expect(seen.map(({ ok }) => ok)).toEqual([true, false])
  expect(seen[0]).toMatchObject({ provider: 'openai', model: 'whole-1k', usage: { inputTokens: expect.any(Number) } })
})

test('a call on behalf of a request has attempts of its own and its caller’s identity; it may not nest for ever', async () => {
  await start({
    preRequest: {
      needs: 'canonical',
      async: true,
      async handler(ctx) {
        if (ctx.request.model === 'loop') return { response: await ctx.call({ ...ctx.request, model: 'openai/loop' }, { reason: 'again' }) }
        if (ctx.parent) return undefined
        return { response: await ctx.call({ ...ctx.request, model: 'anthropic/whole-1k' }, { reason: 'second opinion' }) }
      },
    },
  })
  const { body } = await answerOf('openai/whole-1k')
  expect(body.id).toMatch(/^msg_/)
  expect(upstream.requests.at(-1)?.path).toBe('/v1/messages')
  const loop = await answerOf('openai/loop')
  expect([loop.status, loop.body.error.type]).toEqual([500, 'plugin_error'])
})

const SPOKEN = [
  { type: 'response-start' as const, id: 'held', model: 'm' },
  { type: 'part-start' as const, choice: 0, index: 0, part: { type: 'text' as const, text: '' } },
  ...['one ', 'two ', 'three'].map((text) => ({ type: 'part-delta' as const, choice: 0, index: 0, delta: { text } })),
  { type: 'part-end' as const, choice: 0, index: 0 },
  { type: 'choice-end' as const, choice: 0, stop: { reason: 'stop' as const } },
]
const textsOf = (stream: string): string[] => [...stream.matchAll(/"content":"([^"]+)"/g)].map(([, text]) => text as string)

test('the parts of a held answer are streamed as they came, and are one answer otherwise', async () => {
  await start({ preRequest: () => ({ parts: SPOKEN }) })
  const streamed = (await answerOf('openai/text', { stream: true })).body
  expect(textsOf(streamed)).toEqual(['one ', 'two ', 'three'])
  expect(streamed.match(/\[DONE\]/g)).toHaveLength(1)
  expect((await answerOf('openai/text')).body.choices[0].message.content).toBe('one two three')
})

test('what postHook puts in its place is streamed, and nothing of the parts', async () => {
  await start({
    preRequest: () => ({ parts: SPOKEN }),
    postHook: { needs: 'response', handler: (outcome) => (outcome.ok ? { ...outcome, response: CANNED } : outcome) },
  })
  expect(textsOf((await answerOf('openai/text', { stream: true })).body)).toEqual(['from the plugin'])
})
