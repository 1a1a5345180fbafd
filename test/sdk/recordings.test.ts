import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Provider } from '../../core/provider.ts'
import { providers as entries } from '../../providers/index.ts'
import { startHttp2Bridge } from '../../transports/http2.ts'
import { createGateway } from '../../transports/testing.ts'
import { completions } from '../helpers/completions-client.ts'
import { mistral } from '../helpers/mistral-client.ts'
import { type Recording, readRecordings } from '../helpers/recordings.ts'
import { modelOf, startReplay } from '../helpers/replay.ts'
import { type Client, type Places, silence, type Told } from '../matrix/client.ts'
import { CLIENTS } from '../matrix/matrix.ts'

const { recordings, unused } = readRecordings()
type Row = Recording & { index: number }
const rows = recordings.map((recording, index): [string, Row] => [recording.name, { ...recording, index }])
const NAMES = CLIENTS.map((makeClient) => makeClient({ url: 'http://none', http2Url: 'http://none' }).name)

const TEXT = { text_completion: 'openai-completions' }

/** Every provider as an entry that has chat alone, so that each dialect's client gets to the recording whatever it asks for. */
const BEHIND: readonly Provider[] = [...new Set(recordings.map(({ provider }) => provider))].map((provider) => {
  const isResponses = provider === 'responses'
  const { formats: _formats, ...entry } = entries.find(({ name }) => name === (isResponses ? 'openai' : provider)) as Provider
  const shared = { ...entry, name: `recorded-${provider}` }
  const { chat_completion, text_completion } = entry.paths
  if (provider === 'openai') return { ...shared, formats: TEXT, paths: { chat_completion, text_completion } as Provider['paths'] }
  if (!isResponses) return { ...shared, paths: { chat_completion } as Provider['paths'] }
  return { ...shared, format: 'openai-responses', paths: { chat_completion: '/v1/responses', responses: '/v1/responses' } }
})
const ends: (() => unknown)[] = []
/** Each dialect's client: before the recordings themselves, and before the gateway. */
const direct = new Map<string, Client>()
const through = new Map<string, Client>()

beforeAll(async () => {
  const replay = await startReplay(recordings)
  const directBridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: replay.port } })
  const block = (name: string, more: JsonObject = {}): JsonObject => ({
    keys: [{ name: `${name}-main`, value: 'sk-provider', models: ['*'] }],
    network_config: { base_url: replay.url },
    ...more,
  })
  const config = { providers: Object.fromEntries(BEHIND.map(({ name }) => [name, block(name)])) }
  const gateway = await createGateway({ config, providers: BEHIND })
  const bridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: gateway.port } })
  for (const makeClient of CLIENTS) {
    add(direct, makeClient, { url: replay.url, http2Url: `http://127.0.0.1:${directBridge.port}` })
    add(through, makeClient, { url: gateway.url, http2Url: `http://127.0.0.1:${bridge.port}` })
  }
  direct.set('openai-completions', completions(replay.url))
  through.set('openai-completions', completions(gateway.url))
  direct.set('mistral', mistral(replay.url))
  through.set('mistral', mistral(`${gateway.url}/openai`))
  ends.push(
    () => directBridge.close(),
    () => bridge.close(),
    () => gateway.close(),
    () => replay.close(),
  )
})
afterAll(async () => {
  for (const end of ends) await end()
})

function add(clients: Map<string, Client>, makeClient: (places: Places) => Client, places: Places): void {
  const client = makeClient(places)
  clients.set(client.name, client)
  ends.push(() => client.close?.())
}

/** Everything that a package made of an answer, as plain data, and what of it every dialect can say. */
async function hear(client: Client, model: string, isStream: boolean): Promise<{ heard: unknown; told: Told }> {
  const heard: unknown[] = []
  const told = await client.ask({ text: 'hello', model }, isStream, (value) => heard.push(value))
  return { heard: JSON.parse(JSON.stringify(heard, withoutTransport)), told }
}

/** What packages add of the HTTP exchange itself. */
function withoutTransport(name: string, value: unknown): unknown {
  return name === '$metadata' || name === 'sdkHttpResponse' || name === '_request_id' ? undefined : value
}

/** What every dialect can say of an answer: clients that want numbers are told 0, and where there are calls they are what is waited for. */
function essence({ text, calls, stop, usage, error }: Told): object {
  const waits = calls.length > 0 && stop === 'stop' ? 'tools' : stop
  return { text, calls, stop: waits, usage: usage ?? { input: 0, output: 0 }, error: error && { status: error.status } }
}

test.skipIf(recordings.length > 0)('skipped: no recordings at ../shared/fixtures', () => {
  expect(recordings).toEqual([])
})

/** Sound answers at which their own vendor's package throws, wherever they come from; the others are to read them all the same. */
const ODD: Readonly<Record<string, Partial<Told>>> = {
  // Its helper knows no second `message_start`.
  'anthropic/duplicate-message-start.chunks.txt': { text: 'Hello, World!', usage: { input: 17, output: 227 } },
  // Calls that are counted from 1.
  'openai-compatible/chat/anthropic-fallback-tool-call.sse': {
    text: 'Reading it.',
    calls: [['read_file', { path: 'a.txt' }]],
    usage: undefined,
  },
  // Each event names another id.
  'openai/responses/github-copilot-id-rotation.1.chunks.txt': {
    text: 'There are **3** letter **“r”**s in **“strawberry.”**\n\nBreakdown: **s t r a w b e r r y**  \nYou can see **r** at positions **3, 8, and 9**.',
    usage: { input: 19, output: 105 },
  },
  // Its helper does not know the event of a patch.
  'openai/responses/openai-apply-patch-tool.1.chunks.txt': { usage: { input: 642, output: 67 } },
}

/** Recorded failures, and a stream into which another one was spliced. */
const FAILURES = /openai-error|parameter-error|temperature-error|google-429|spliced-message-start/

/** Whose deltas say less than their last event: those who recorded them shortened the texts. */
const SHORTENED = /openai-(?:phase|shell-container)\.1\.chunks/

describe.skipIf(recordings.length === 0)('recordings', () => {
  test.skip.each(unused.map(({ name, reason }) => [name, reason]))('%s is %s', () => {})

  describe.each(rows)('%s', (name, row) => {
    test("gives its own vendor's package the same as served directly", async () => {
      const { own, directly } = await ownOf(row)
      for (const isSplit of row.isStream ? [false, true] : [false]) {
        const { heard, told } = await hear(own, behind(row, isSplit), row.isStream)
        if (directly.told.error) {
          expectFailure(told, directly.told, row)
          if (told.error?.status === undefined) expect(heard).toEqual(directly.heard)
          continue
        }
        expect(essence(told)).toEqual(essence(directly.told))
        if (row.provider === 'mistral') continue
        expect(told).toEqual(directly.told)
        // Clients of compatible providers are told what strict ones want besides.
        if (row.dialect === 'openai-chat' && row.provider !== 'openai') expect(heard).toMatchObject(directly.heard as object)
        else expect(heard).toEqual(directly.heard)
      }
    })

    test
      .skipIf(SHORTENED.test(name) || row.dialect === 'openai-completions')
      .each(NAMES.filter((client) => client !== row.dialect || row.provider === 'mistral'))('tells %s the same', async (client) => {
      const { directly } = await ownOf(row)
      const told = await (through.get(client) as Client).ask({ text: 'hello', model: behind(row, true) }, row.isStream)
      const odd = ODD[name]
      if (odd) expect(essence(told)).toEqual(essence({ ...silence(), stop: 'stop', ...odd }))
      else if (directly.told.error) expectFailure(told, directly.told, row)
      else expect(essence(told)).toEqual(essence(directly.told))
    })
  })
})

const asked = new Map<number, ReturnType<typeof hear>>()
/** The vendor's own package, before the gateway, and what it heard without it. */
async function ownOf(row: Row) {
  const name = row.provider === 'mistral' ? 'mistral' : row.dialect
  const known = asked.get(row.index) ?? hear(direct.get(name) as Client, modelOf(row.index, false), row.isStream)
  asked.set(row.index, known)
  const directly = await known
  if (directly.told.error) expect(row.name in ODD || FAILURES.test(row.name)).toBe(true)
  return { own: through.get(name) as Client, directly }
}

function behind({ provider, index }: Row, isSplit: boolean): string {
  return `recorded-${provider}/${modelOf(index, isSplit)}`
}

/** Both failed: with the same status where there is one, and in the provider's words. Before content the gateway's failure has a status. */
function expectFailure(told: Told, directly: Told, { isStream, bytes }: Row): void {
  expect(told.error).toBeDefined()
  if (!isStream) expect(told.error?.status).toBe(directly.error?.status)
  const [, words] = /"message":\s*"([^"]+)"/.exec(isStream ? (bytes.toString().split('event: error')[1] ?? '') : bytes.toString()) ?? []
  expect(told.error?.message).toContain(words ?? '')
}
