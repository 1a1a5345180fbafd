import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_TEXT } from '../../../bench/upstream/contents.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { watch } from '../../helpers/gateway-process.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

/** Does all that a plugin may, in TypeScript. Its own records go to a file, because it lives in two threads of another process. */
const OUTSIDER = `
import { appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { definePlugin, GatewayError } from 'bifrost-node'
import { z } from 'zod'

const mask = (on: 'parts' | 'frames', word: string) => ({
  on,
  fold: {
    start: () => ({ seen: 0 }),
    step(state: { seen: number }, input: any, out: any) {
      const text = JSON.stringify(input)
      if (text.includes(word)) state.seen++
      out.push(JSON.parse(text.replaceAll(word, '*'.repeat(word.length))))
    },
    end() {},
  },
})

export default definePlugin({
  name: 'outsider',
  config: z.strictObject({ refuses: z.string(), records: z.string() }),
  setup({ refuses, records }, { name }) {
    const record = (entry: object) => appendFileSync(records, JSON.stringify({ thread: threadId, ...entry }) + '\\n')
    record({ at: 'setup', name })
    return {
      hooks: {
        governance(ctx) {
          if (ctx.model === refuses) return new GatewayError('GW_MODEL_NOT_ALLOWED', { model: ctx.model, rule: 'outsider' })
        },
        preRequest: {
          needs: 'canonical',
          handler(ctx) {
            const kind = { role: 'system' as const, parts: [{ type: 'text' as const, text: 'Be kind.' }] }
            const model = ctx.model === 'old' ? 'text' : ctx.model
            ctx.request = { ...ctx.request, model, temperature: 0.25, messages: [kind, ...ctx.request.messages] }
          },
        },
        stream: (stages) => [...stages, mask('parts', 'fake'), mask('frames', 'provider')],
        postHook(outcome, ctx) {
          record({ at: 'post', id: ctx.id, ok: outcome.ok, ...(outcome.ok ? { model: outcome.model, usage: outcome.usage } : { code: outcome.error.code }) })
        },
      },
    }
  },
})
`

/** Throws where no try of anybody's is around it. */
const BROKEN = `
import { definePlugin } from 'bifrost-node'

const explode = () => {
  setTimeout(() => {
    throw new Error('thrown outside any promise')
  }, 1)
}

export default definePlugin({
  name: 'broken',
  setup: () => ({
    hooks: {
      preRequest(ctx) {
        if (ctx.header('x-test-break') === 'timer') explode()
        if (ctx.header('x-test-break') === 'rejection') void Promise.reject(new Error('nobody waits'))
        if (ctx.header('x-test-break') === 'throw') throw new Error('thrown at once')
      },
      stream(stages, ctx) {
        if (ctx.header('x-test-break') !== 'stage') return
        const step = (state, part, out) => {
          out.push(part)
          if (part.type === 'part-delta' && state.count++ === 3) explode()
        }
        return [...stages, { on: 'parts', fold: { start: () => ({ count: 0 }), step, end() {} } }]
      },
    },
  }),
})
`

/** An installed package ships JavaScript and imports as a file does. */
const PACKAGED = `
import { definePlugin, GatewayError } from 'bifrost-node'
import { z } from 'zod'
export default definePlugin({
  name: 'packaged',
  config: z.object({ refuses: z.string() }),
  setup: ({ refuses }) => ({
    hooks: { governance: (ctx) => (ctx.model === refuses ? new GatewayError('GW_REQUEST_BLOCKED', { reason: 'the package says no' }) : undefined) },
  }),
})
`

let upstream: FakeUpstream
let gateway: ReturnType<typeof watch>
let folder: string
let url: string

beforeAll(async () => {
  upstream = await startUpstream()
  folder = mkdtempSync(join(tmpdir(), 'bifrost-outside-'))
  const records = join(folder, 'records.jsonl')
  write('records.jsonl', '')
  write('outsider.ts', OUTSIDER)
  write('below/broken.js', BROKEN)
  write('node_modules/outside-package/index.js', PACKAGED)
  write('node_modules/outside-package/package.json', JSON.stringify({ name: 'outside-package', type: 'module', exports: './index.js' }))
  const provider = (name: string) => ({ keys: [{ name, value: 'sk-provider', models: ['*'] }], network_config: { base_url: upstream.url } })
  const config = {
    client: { threads: 2 },
    providers: { openai: provider('o'), anthropic: provider('a') },
    plugins: [
      { name: 'outsider', enabled: true, path: './outsider.ts', config: { refuses: 'forbidden', records } },
      { name: 'broken', enabled: true, path: './below/broken.js' },
      { name: 'packaged', enabled: true, path: 'outside-package', config: { refuses: 'packed-away' } },
    ],
  }
  write('config.json', JSON.stringify(config))
  const launcher = fileURLToPath(new URL('../../../transports/launcher.ts', import.meta.url))
  gateway = watch(spawn(process.execPath, [launcher, '--config', join(folder, 'config.json'), '--port', '0', '--host', '127.0.0.1']))
  const [, found] = await gateway.waitFor(/curl (http:\/\/[^/]+)\/v1/)
  url = String(found)
})

afterAll(async () => {
  gateway.launcher.kill('SIGTERM')
  expect(await gateway.exited).toBe(0)
  await upstream.close()
  rmSync(folder, { recursive: true })
})

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/** Each on a connection of its own, so that the acceptor spreads them over both threads. */
function chat(model: string, more: { stream?: boolean; breaks?: string; id?: string } = {}): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/json', connection: 'close' }
  if (more.breaks) headers['x-test-break'] = more.breaks
  if (more.id) headers['x-request-id'] = more.id
  const body = { model, stream: more.stream ?? false, messages: [{ role: 'user', content: 'hello' }] }
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) })
}

function records(): JsonObject[] {
  return readFileSync(join(folder, 'records.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonObject)
}

async function textOf(response: Response): Promise<string> {
  const events = (await response.text()).split('\n\n').flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6))] : []))
  return events.map((event: { choices?: { delta: { content?: string } }[] }) => event.choices?.[0]?.delta.content ?? '').join('')
}

describe('a plugin in a folder of its own', () => {
  test('is set up once in each data thread', () => {
    const setups = records().filter((entry) => entry.at === 'setup')
    expect(setups).toHaveLength(2)
    expect(new Set(setups.map((entry) => entry.thread)).size).toBe(2)
  })

  test('refuses a model, which the provider never hears of', async () => {
    const chats = () => upstream.requests.filter(({ method }) => method === 'POST').length
    const before = chats()
    const response = await chat('openai/forbidden')
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ type: 'model_blocked', error: { message: 'model forbidden is not allowed by outsider' } })
    expect(chats()).toBe(before)
  })

  test.each([
    { provider: 'openai', system: { messages: [{ role: 'system', content: 'Be kind.' }, { role: 'user' }] } },
    { provider: 'anthropic', system: { system: [{ type: 'text', text: 'Be kind.' }] } },
  ])('edits the request, and $provider sees the edit', async ({ provider, system }) => {
    const response = await chat(`${provider}/old`)
    expect(response.status).toBe(200)
    expect(upstream.requests.at(-1)?.json).toMatchObject({ model: 'text', temperature: 0.25, ...system })
  })

  test.each(['openai', 'anthropic'])('masks words in a stream of %s, on parts and on frames', async (provider) => {
    const response = await chat(`${provider}/text`, { stream: true })
    const masked = PLAIN_TEXT.replace('fake', '****').replace('provider', '********')
    expect(await textOf(response)).toBe(masked)
  })

  test('its postHook sees each outcome once, in the thread that served it', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `recorded-${index}`)
    await Promise.all(ids.map(async (id, index) => (await chat('openai/text', { id, stream: index % 2 === 1 })).text()))
    await (await chat('openai/fault-400', { id: 'recorded-bad' })).text()
    const posts = records().filter((entry) => entry.at === 'post' && String(entry.id).startsWith('recorded-'))
    expect(posts.map((entry) => entry.id).sort()).toEqual([...ids, 'recorded-bad'].sort())
    expect(new Set(posts.map((entry) => entry.thread)).size).toBe(2)
    for (const post of posts) {
      if (post.id === 'recorded-bad') expect(post).toMatchObject({ ok: false, code: 'GW_UPSTREAM_ERROR' })
      else expect(post).toMatchObject({ ok: true, model: 'text', usage: { inputTokens: 12, outputTokens: 15 } })
    }
  })

  test('as an installed package refuses in its own words', async () => {
    const response = await chat('openai/packed-away')
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ error: { message: 'the package says no' } })
  })
})

describe('a plugin that throws outside any promise', () => {
  test.each(['timer', 'rejection'])('by a %s costs its own request alone, in both threads', async (breaks) => {
    const gate = `hold-${breaks}`
    const held = Array.from({ length: 8 }, (_, index) => chat(`openai/gated-${gate}`, { stream: index % 2 === 1 }))
    const broken = await Promise.all(Array.from({ length: 6 }, () => chat('openai/gated-never', { breaks })))
    for (const response of broken) {
      expect(response.status).toBe(500)
      expect(await response.json()).toMatchObject({ type: 'plugin_error', error: { message: expect.stringContaining('broken') } })
    }
    upstream.release(gate)
    for (const response of await Promise.all(held)) {
      expect(response.status).toBe(200)
      expect(await response.text()).toContain('whole')
    }
  })

  test('in the middle of a stream ends that stream with an error event, and its upstream', async () => {
    const id = upstream.requests.length
    const other = chat('anthropic/gated-stream-beside', { stream: true })
    await upstream.request(id)
    const response = await chat('openai/fault-infinite', { stream: true, breaks: 'stage' })
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text).toContain('"type":"plugin_error"')
    expect(text).not.toContain('[DONE]')
    expect(await upstream.closed(id + 1)).toBe('closed-by-client')
    upstream.release('beside')
    expect(await textOf(await other)).toContain('whole')
  })

  test('and one that throws at once is a 500 with its name', async () => {
    const response = await chat('openai/text', { breaks: 'throw' })
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ error: { message: 'plugin broken failed in preRequest' } })
  })

  test('never restarted the gateway', async () => {
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(gateway.output()).not.toContain('starting it again')
    expect(records().filter((entry) => entry.at === 'setup')).toHaveLength(2)
  })
})
