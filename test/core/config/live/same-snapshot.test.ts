import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { CONFIG_COLLECTIONS } from '../../../../core/config/collections.ts'
import { documentsOf, hashOf, restOf, treeOf } from '../../../../core/config/live/documents.ts'
import { loadConfig } from '../../../../core/config/load.ts'
import { openSealing } from '../../../../core/sealing/open-sealing.ts'
import { sealStore } from '../../../../core/sealing/sealed-store.ts'
import type { SnapshotTables } from '../../../../core/snapshot.ts'
import type { ConfigStore, StoreDriver } from '../../../../core/stores/stores.ts'
import { mongoDriver } from '../../../../plugins/mongo/index.ts'
import { sqliteDriver } from '../../../../plugins/sqlite/index.ts'
import { createGateway } from '../../../../transports/testing.ts'
import { MONGO_ENGINES, MONGO_START_MS, NO_MONGO, startMongo } from '../../../helpers/mongo.ts'
import { openedConfig } from '../../../helpers/stores.ts'
import { call } from '../../../transports/admin/support.ts'
import { builtins, comparable, newStore, running } from './support.ts'

const env = { OPENAI_KEY: 'sk-by-env', VK: 'sk-bf-by-env', ADMIN_PASSWORD: 'a long password' }
const providers: Record<string, JsonObject> = {
  openai: {
    network_config: { max_retries: 2, extra_headers: { 'x-team': 'one' } },
    concurrency_and_buffer_size: { concurrency: 5, buffer_size: 50 },
  },
  anthropic: {
    send_back_raw_response: true,
    proxy_config: { type: 'http', url: 'http://proxy.example.com', username: 'me', password: 'secret word' },
  },
  ollama: {},
  mine: { custom_provider_config: { base_provider_type: 'openai' }, network_config: { base_url: 'https://llm.example.com' } },
}
const keys: Record<string, JsonObject[]> = {
  openai: [
    { id: 'o1', name: 'main', value: 'env.OPENAI_KEY', models: ['*'], weight: 3 },
    {
      id: 'o2',
      name: 'spare',
      value: 'sk-plain',
      models: ['gpt-4o'],
      weight: null,
      aliases: { fast: 'gpt-4o' },
      blacklisted_models: ['x'],
    },
  ],
  anthropic: [{ id: 'a1', name: 'claude', value: 'sk-a', models: ['*'] }],
  ollama: [{ id: 'l1', name: 'local', models: ['*'], ollama_key_config: { url: 'http://localhost:11434' } }],
  mine: [{ id: 'm1', name: 'mine', value: 'sk-m', models: [], enabled: false }],
}
const governance: Record<string, JsonObject[]> = {
  customers: [{ id: 'c1', name: 'Customer', budgets: [{ max_limit: 100, reset_duration: '1M' }] }],
  business_units: [{ id: 'b1', name: 'Unit' }],
  teams: [
    { id: 't1', name: 'Team', customer_id: 'c1', business_unit_id: 'b1', rate_limit: { token_max_limit: 9, token_reset_duration: '1h' } },
  ],
  virtual_keys: [
    {
      id: 'v1',
      name: 'App',
      value: 'env.VK',
      team_id: 't1',
      expires_at: '2030-01-01T00:00:00Z',
      provider_configs: [
        { provider: 'openai', allowed_models: ['gpt-4o'], key_ids: ['o1'], weight: 0.7, budgets: [{ max_limit: 1, reset_duration: '1d' }] },
        { provider: 'anthropic', allowed_models: ['*'], key_ids: ['*'], weight: null },
      ],
      budgets: [{ max_limit: 5, reset_duration: '1w' }],
    },
    { id: 'v2', name: 'Off', value: 'sk-bf-off', is_active: false },
  ],
  routing_rules: [{ id: 'r1', name: 'Rule', cel_expression: 'model == "x"', targets: [{ provider: 'openai', weight: 1 }] }],
}
const client: JsonObject = {
  enforce_auth_on_inference: true,
  allowed_origins: ['https://app.example.com'],
  whitelisted_routes: ['/health'],
}
const auth_config: JsonObject = { is_enabled: true, admin_username: 'admin', admin_password: 'env.ADMIN_PASSWORD' }

const FILE: JsonObject = {
  client,
  providers: Object.fromEntries(Object.entries(providers).map(([name, block]) => [name, { ...block, keys: keys[name] ?? [] }])),
  governance: { ...governance, auth_config },
}

function tablesOfFile(): SnapshotTables {
  const { tables, problems } = loadConfig({ config: FILE, env, builtins, memoryBytes: 8e9 })
  expect(problems).toEqual([])
  return tables as SnapshotTables
}
const expected = comparable(tablesOfFile())

/** Merged into a store, and then read from there by a gateway without a file. */
async function throughStore(store: ConfigStore): Promise<void> {
  expect(comparable((await running(FILE, { store, env })).tables)).toEqual(expected)
  expect(comparable((await running(FILE, { store, env, isChecked: true })).tables)).toEqual(expected)
  expect(comparable((await running({}, { store, env })).tables)).toEqual(expected)
}

async function opened(driver: StoreDriver, config: object, folder?: string): Promise<ConfigStore> {
  const store = await openedConfig(driver, config, { collections: CONFIG_COLLECTIONS, folder })
  onTestFinished(() => store.close())
  return store
}

describe('one configuration gives the same tables', () => {
  test.each([false, true])('by the file alone, and by its check (%s)', async (isChecked) =>
    expect(comparable((await running(FILE, { env, isChecked })).tables)).toEqual(expected),
  )
  test('from a store in memory', () => throughStore(newStore()))
  test('from a sealed store', async () => {
    const store = newStore()
    await throughStore(sealStore(store, await openSealing(store, { passphrase: 'a passphrase', now: Date.now() })))
    const lies = JSON.stringify(await store.readPage(undefined, 1000))
    for (const secret of ['sk-plain', 'sk-a', 'secret word', 'sk-bf-off']) expect(lies).not.toContain(secret)
  })
  test('from SQLite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bifrost-same-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    await throughStore(await opened(sqliteDriver, {}, folder))
  })
  if (MONGO_ENGINES.length === 0) test.skip(NO_MONGO, () => {})
  test.each(MONGO_ENGINES)(
    'from MongoDB (%s)',
    async (engine) => {
      const server = await startMongo(engine)
      onTestFinished(() => server.end())
      await throughStore(await opened(mongoDriver, { url: server.url, db_name: `same_${randomUUID()}` }))
    },
    MONGO_START_MS,
  )
  test('made by the API, one call after the other', async () => {
    const gateway = await createGateway({ management: true, env })
    onTestFinished(() => gateway.close())
    const made = async (method: string, path: string, body: JsonObject) => {
      const answer = await call(gateway.url, method, path, body)
      expect([path, answer.status, answer.status >= 300 && answer.text]).toEqual([path, 200, false])
    }
    for (const [provider, block] of Object.entries(providers)) await made('POST', '/api/providers', { provider, ...block })
    for (const [provider, list] of Object.entries(keys)) for (const key of list) await made('POST', `/api/providers/${provider}/keys`, key)
    for (const [name, list] of Object.entries(governance))
      for (const entity of list) await made('POST', `/api/governance/${name.replaceAll('_', '-')}`, entity)
    await made('PUT', '/api/config', { client_config: client, auth_config })
    const { client: edge, ...tables } = comparable(gateway.core.runtime.tables) as { client: [string, object][] }
    const { client: wanted, ...others } = expected as { client: [string, object][] }
    expect(tables).toEqual(others)
    expect(edge).toEqual([['client', { ...wanted[0]?.[1], maxBufferedBodyBytes: expect.any(Number) }]])
  })
})

describe('documents', () => {
  test('are the configuration taken apart, and together again', () => {
    const documents = documentsOf(FILE)
    expect(treeOf(documents, restOf(FILE))).toEqual({ ...FILE, providers: FILE.providers })
    expect(documents.map(({ collection, id }) => `${collection}/${id}`)).toContain('keys/o1')
    expect(documents.find(({ collection, id }) => collection === 'providers' && id === 'openai')?.body).not.toHaveProperty('keys')
  })
  test('leave blocks that only the file sets where they are', () => {
    const rest = { encryption_key: 'env.X', config_store: { enabled: true, type: 'sqlite' }, vector_store: { enabled: false } }
    expect(restOf({ ...FILE, ...rest })).toEqual(rest)
  })
  test('have a hash of what they say, whatever the order', () => {
    expect(hashOf({ a: 1, b: [{ c: 2, d: null }] })).toBe(hashOf({ b: [{ d: null, c: 2 }], a: 1 }))
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }))
    expect(hashOf({ a: '1' })).not.toBe(hashOf({ a: 1 }))
  })
})
