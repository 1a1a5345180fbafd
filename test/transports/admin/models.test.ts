import { describe, expect, test } from 'vitest'
import { manageOne, providerAt } from './support.ts'

const managed = manageOne((url) => ({
  providers: {
    openai: providerAt(
      url,
      { id: 'all', name: 'all', value: 'sk-all', models: ['*'], blacklisted_models: ['citations'] },
      { id: 'few', name: 'few', value: 'sk-few', models: ['text', 'a-name-of-its-own'] },
      { id: 'off', name: 'off', value: 'sk-off', models: ['*'], enabled: false },
    ),
    anthropic: providerAt(url, { id: 'claude', name: 'claude', value: 'sk-claude', models: [] }),
  },
}))
const listed = () => managed.upstream.requests.filter(({ path }) => path.startsWith('/v1/models')).length
interface Model {
  name: string
  provider: string
  accessible_by_keys: string[]
}

describe('GET /api/models', () => {
  test('lists what the keys may serve, five unless said, with the keys', async () => {
    const { status, body } = await managed.call('GET', '/api/models')
    expect(status).toBe(200)
    expect(body.models).toHaveLength(5)
    expect(body.total).toBeGreaterThan(5)
    const { models } = (await managed.call('GET', '/api/models?limit=1000')).body as { models: Model[] }
    const by = (name: string) => models.find((model) => model.name === name)?.accessible_by_keys
    expect(by('text')).toEqual(['all', 'few'])
    expect(by('a-name-of-its-own')).toEqual(['all', 'few'])
    expect(by('citations')).toBeUndefined()
    expect(models.every(({ provider }) => provider === 'openai')).toBe(true)
  })
  test('by a part of the name, a provider, keys, or all of it', async () => {
    const names = async (query: string) =>
      ((await managed.call('GET', `/api/models?limit=1000&${query}`)).body.models as Model[]).map(({ name }) => name)
    expect(await names('query=TEXT')).toContain('text')
    expect((await names('query=TEXT')).every((name) => name.includes('text'))).toBe(true)
    expect(await names('keys=few')).toEqual(['a-name-of-its-own', 'text'])
    expect(await names('keys=off')).toEqual([])
    expect(await names('provider=anthropic')).toEqual([])
    expect((await names('provider=anthropic&unfiltered=true')).length).toBeGreaterThan(0)
    expect(await names('unfiltered=true')).toContain('citations')
    expect(await names('provider=nobody')).toEqual([])
    expect((await managed.call('GET', '/api/models?limit=x')).status).toBe(400)
  })
  test('page by page, and by name alone', async () => {
    const { body } = await managed.call('GET', '/api/models/details?limit=2&offset=1')
    expect(body).toMatchObject({ limit: 2, offset: 1 })
    expect(body.models[0].id).toBe(`openai/${body.models[0].name}`)
    const base = (await managed.call('GET', '/api/models/base?limit=1000')).body
    expect(base.models).toContain('text')
    expect(base.total).toBe(new Set(base.models).size)
  })
  test('asks providers once, and again when a key has changed', async () => {
    const before = listed()
    await managed.call('GET', '/api/models')
    expect(listed()).toBe(before)
    await managed.call('POST', '/api/providers/openai/keys', { id: 'new', name: 'new', value: 'sk-new', models: ['text'] })
    const { models } = (await managed.call('GET', '/api/models?query=text')).body as { models: Model[] }
    expect(models.find(({ name }) => name === 'text')?.accessible_by_keys).toEqual(['all', 'few', 'new'])
    expect(listed()).toBeGreaterThan(before)
    expect((await managed.call('GET', '/api/keys')).body.find((key: { key_id: string }) => key.key_id === 'new').status).toBe('success')
  })
  test('tells of a key that the provider does not take in its status, and lists the rest', async () => {
    await managed.call('POST', '/api/providers', { provider: 'mistral', network_config: { base_url: 'http://127.0.0.1:1' } })
    await managed.call('POST', '/api/providers/mistral/keys', { id: 'lost', name: 'lost', value: 'sk-lost', models: ['*'] })
    expect((await managed.call('GET', '/api/models')).status).toBe(200)
    expect((await managed.call('GET', '/api/keys')).body.find((key: { key_id: string }) => key.key_id === 'lost')).toMatchObject({
      status: 'list_models_failed',
    })
    await managed.call('DELETE', '/api/providers/mistral')
  })
})
