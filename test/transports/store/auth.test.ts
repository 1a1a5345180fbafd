import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ask, dataFolder, type StoreGateway, storeGateway } from '../../helpers/store-gateway.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

/** Enough connections for both data threads to be asked. */
const ASKED = 6
const ADMIN = { admin_username: 'root', admin_password: 'correct horse' }
const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })
const RIGHT = basic(ADMIN.admin_username, ADMIN.admin_password)

let upstream: FakeUpstream
let gateway: StoreGateway
let data: ReturnType<typeof dataFolder>
beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(async () => {
  await gateway.end()
  data.remove()
})
afterAll(() => upstream.close())

async function start({ client, auth, hasStore }: { client: object; auth: object; hasStore: boolean }): Promise<void> {
  data = dataFolder({
    'config.json': {
      client,
      providers: { openai: { keys: [{ name: 'k', value: 'sk-k', models: ['*'] }], network_config: { base_url: upstream.url } } },
      governance: {
        auth_config: { ...ADMIN, ...auth },
        virtual_keys: [
          { id: 'vk', value: 'sk-bf-vk', provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'], weight: 1 }] },
        ],
      },
      ...(hasStore && { config_store: { enabled: true, type: 'sqlite' } }),
    },
  })
  gateway = await storeGateway(data.folder, { args: ['--threads', '2'] })
}

/** The one status that a chat gets with these headers, whichever thread takes it. */
async function chat(headers: Record<string, string>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: ASKED }, () => gateway.chat('openai/text', undefined, headers)))
  const statuses = new Set(answers.map(({ status }) => status))
  expect([...statuses]).toHaveLength(1)
  return [...statuses][0] as number
}

const manage = async (headers: Record<string, string> = {}) => (await gateway.api('GET /api/providers', undefined, headers)).status

async function logIn(): Promise<string> {
  const { status, body } = await gateway.api('POST /api/session/login', { username: ADMIN.admin_username, password: ADMIN.admin_password })
  expect(status).toBe(200)
  return body.token
}

describe.each([
  ['with a store', true],
  ['without one', false],
])('two data threads, %s', (_, hasStore) => {
  test('enforce_auth_on_inference and auth_config: who may do what', async () => {
    await start({ client: { enforce_auth_on_inference: true }, auth: { is_enabled: true }, hasStore })
    const token = await logIn()
    expect(await chat({})).toBe(401)
    expect(await chat({ 'x-bf-vk': 'sk-bf-vk' })).toBe(200)
    expect(await chat({ authorization: 'Bearer sk-bf-vk' })).toBe(200)
    expect(await chat({ 'x-bf-vk': 'sk-bf-other' })).toBe(401)
    expect(await chat(RIGHT)).toBe(200)
    expect(await chat({ authorization: `Bearer ${token}` })).toBe(200)
    expect(await chat({ authorization: 'Bearer not-a-token' })).toBe(401)
    expect((await gateway.chat('openai/text', undefined, basic('root', 'wrong'))).status).toBe(401)

    expect(await manage()).toBe(401)
    expect(await manage({ 'x-bf-vk': 'sk-bf-vk' })).toBe(401)
    expect(await manage({ authorization: 'Bearer sk-bf-vk' })).toBe(401)
    expect(await manage(RIGHT)).toBe(200)
    expect(await manage({ authorization: `Bearer ${token}` })).toBe(200)
    expect(await manage({ cookie: `token=${token}` })).toBe(200)
    const nobody = await gateway.api('GET /api/no-such-thing')
    expect(nobody.status).toBe(404)
    for (const path of ['/health', '/api/version']) expect((await ask(`${gateway.url}${path}`)).status, path).toBe(200)

    await gateway.api('POST /api/session/logout', {}, { authorization: `Bearer ${token}` })
    expect(await chat({ authorization: `Bearer ${token}` })).toBe(401)
    expect(await manage({ authorization: `Bearer ${token}` })).toBe(401)
    // What is no credential of the gateway's never goes to a provider in place of its key.
    for (const { headText } of upstream.requests) expect(headText).toMatch(/^authorization: Bearer sk-k\r?$/im)
  })
})

test('disable_auth_on_inference leaves models open and the API closed; turned on by the API, it holds at once on both threads', async () => {
  await start({ client: {}, auth: { is_enabled: true, disable_auth_on_inference: true }, hasStore: true })
  expect(await chat({})).toBe(200)
  expect(await manage()).toBe(401)
  const { body } = await gateway.api('GET /api/config', undefined, RIGHT)
  const client = { ...body.client_config, enforce_auth_on_inference: true }
  expect(await gateway.api('PUT /api/config', { client_config: client }, RIGHT)).toMatchObject({ status: 200 })
  expect(await chat({})).toBe(401)
  expect(await chat(RIGHT)).toBe(200)
  expect(await chat({ 'x-bf-vk': 'sk-bf-vk' })).toBe(200)
})

test('without auth_config the API is open, and an unknown virtual key is refused all the same', async () => {
  await start({ client: { enforce_auth_on_inference: true }, auth: { is_enabled: false }, hasStore: true })
  expect(await manage()).toBe(200)
  expect(await chat({})).toBe(401)
  expect(await chat({ 'x-bf-vk': 'sk-bf-vk' })).toBe(200)
  // With sign-in off nobody is an administrator, whatever password they know.
  expect(await chat(RIGHT)).toBe(401)
})
