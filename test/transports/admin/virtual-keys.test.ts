import { describe, expect, test } from 'vitest'
import { CHAT, manageOne, providerAt } from './support.ts'

const VKS = '/api/governance/virtual-keys'
const managed = manageOne((url) => ({
  providers: {
    openai: providerAt(url, { id: 'key-prod-001', name: 'prod', value: 'sk-prod', models: ['*'] }),
    anthropic: providerAt(url, { id: 'key-claude', name: 'claude', value: 'sk-claude', models: ['*'] }),
  },
  mcp: { client_configs: [{ client_id: 'mcp-1', name: 'tools', connection_type: 'http', connection_string: 'https://mcp.example.com' }] },
  governance: { teams: [{ id: 'team', name: 'Team' }], customers: [{ id: 'customer', name: 'Customer' }] },
}))

function refusal({ status, body }: { status: number; body: { error?: { param?: string; message: string } } }) {
  return { status, param: body.error?.param, message: body.error?.message }
}
async function make(body: object) {
  const answer = await managed.call('POST', VKS, body)
  expect(answer.text).toContain('Virtual key created successfully')
  return answer.body.virtual_key
}
const ALL = { provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }

describe('a virtual key', () => {
  test('shows its value once, when it is made', async () => {
    const made = await make({ name: 'once', provider_configs: [ALL] })
    expect(made.value).toMatch(/^sk-bf-[0-9a-f-]{36}$/)
    expect(made).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), is_active: true, created_at: expect.any(String) })
    const later = await managed.call('GET', `${VKS}/${made.id}`)
    expect(later.text).not.toContain(made.value)
    expect(later.body.virtual_key.value).toMatch(/^sk-b\*{24}/)
    expect((await managed.call('GET', VKS)).text).not.toContain(made.value)
    expect((await managed.call('PUT', `${VKS}/${made.id}`, { description: 'x' })).text).not.toContain(made.value)
    expect((await managed.call('GET', `${VKS}?export=csv`)).text).not.toContain(made.value)
  })
  test('serves at once, and not after it is gone', async () => {
    const { id, value } = await make({ name: 'serves', provider_configs: [ALL] })
    const ask = () => managed.call('POST', '/v1/chat/completions', CHAT, { 'x-bf-vk': value })
    expect((await ask()).status).toBe(200)
    await managed.call('PUT', `${VKS}/${id}`, { is_active: false })
    expect((await ask()).body.error.type).toBe('virtual_key_blocked')
    await managed.call('PUT', `${VKS}/${id}`, { is_active: true })
    expect((await ask()).status).toBe(200)
    expect((await managed.call('DELETE', `${VKS}/${id}`)).body).toMatchObject({ message: 'Virtual key deleted successfully' })
    expect(await ask()).toMatchObject({ status: 401, body: { error: { type: 'virtual_key_not_found' } } })
  })
  test('keeps its value whatever an update says of it', async () => {
    const { id, value } = await make({ name: 'kept', provider_configs: [ALL] })
    const shown = (await managed.call('GET', `${VKS}/${id}`)).body.virtual_key
    for (const sent of [shown.value, 'sk-bf-another', ''])
      expect((await managed.call('PUT', `${VKS}/${id}`, { ...onlySettings(shown), value: sent })).status).toBe(200)
    expect((await managed.call('POST', '/v1/chat/completions', CHAT, { 'x-bf-vk': value })).status).toBe(200)
  })
  test('answers with ids, keys and allow_all_keys in its provider configs', async () => {
    const { id } = await make({
      name: 'shown',
      provider_configs: [ALL, { provider: 'anthropic', allowed_models: ['text'], key_ids: ['key-claude'], weight: 0.5 }],
      mcp_configs: [{ mcp_client_name: 'tools', tools_to_execute: ['*'] }],
    })
    const { provider_configs: configs, mcp_configs: mcp } = (await managed.call('GET', `${VKS}/${id}`)).body.virtual_key
    expect(configs[0]).toMatchObject({ virtual_key_id: id, id: `${id}:openai`, weight: null, allow_all_keys: true, keys: [] })
    expect(configs[1]).toMatchObject({
      allow_all_keys: false,
      weight: 0.5,
      keys: [{ key_id: 'key-claude', name: 'claude', provider: 'anthropic' }],
    })
    expect(mcp[0]).toMatchObject({ mcp_client_name: 'tools', tools_to_execute: ['*'], virtual_key_id: id })
  })
  test('what GET gave can be sent back, and changes nothing', async () => {
    const { id } = await make({
      name: 'back',
      team_id: 'team',
      provider_configs: [{ ...ALL, weight: 0.5 }],
      budgets: [{ max_limit: 5, reset_duration: '1d' }],
    })
    const before = managed.gateway.core.runtime.tables.virtualKeys.get(id)
    const shown = (await managed.call('GET', `${VKS}/${id}`)).body.virtual_key
    const put = await managed.call('PUT', `${VKS}/${id}`, shown)
    expect(put.status, put.text).toBe(200)
    expect(managed.gateway.core.runtime.tables.virtualKeys.get(id)).toEqual(before)
    expect((await managed.call('GET', `${VKS}/${id}`)).body.virtual_key).toEqual({ ...shown, updated_at: expect.any(String) })
  })
  test('an update without team and customer clears both; lists replace; rate_limit {} takes it away', async () => {
    const { id } = await make({
      name: 'cleared',
      team_id: 'team',
      provider_configs: [ALL],
      budgets: [
        { max_limit: 5, reset_duration: '1d' },
        { max_limit: 50, reset_duration: '1M' },
      ],
      rate_limit: { request_max_limit: 10, request_reset_duration: '1m' },
    })
    const team = (await managed.call('PUT', `${VKS}/${id}`, { team_id: 'team', budgets: [{ max_limit: 7, reset_duration: '1d' }] })).body
      .virtual_key
    expect(team).toMatchObject({ team_id: 'team', budgets: [{ max_limit: 7 }], rate_limit: { request_max_limit: 10 } })
    expect(team.provider_configs).toHaveLength(1)
    const cleared = (await managed.call('PUT', `${VKS}/${id}`, { rate_limit: {}, provider_configs: [] })).body.virtual_key
    expect(cleared.team_id ?? null).toBeNull()
    expect(cleared.rate_limit ?? null).toBeNull()
    expect(cleared.provider_configs).toEqual([])
  })
  test.each([
    ['no name', {}, 'name', 'name is required'],
    ['an empty name', { name: '' }, 'name', ''],
    ['a team and a customer', { name: 'x', team_id: 'team', customer_id: 'customer' }, 'customer_id', 'excludes team_id'],
    ['an unknown team', { name: 'x', team_id: 'nobody' }, 'team_id', 'there is no team'],
    [
      'an unknown provider',
      { name: 'x', provider_configs: [{ ...ALL, provider: 'nobody' }] },
      'provider_configs[0].provider',
      'there is no provider',
    ],
    ['a provider twice', { name: 'x', provider_configs: [ALL, ALL] }, 'provider_configs[1].provider', 'appears twice'],
    ['an unknown key', { name: 'x', provider_configs: [{ ...ALL, key_ids: ['nobody'] }] }, 'provider_configs[0].key_ids[0]', 'has no key'],
    [
      'a key of another provider',
      { name: 'x', provider_configs: [{ ...ALL, key_ids: ['key-claude'] }] },
      'provider_configs[0].key_ids[0]',
      'is a key of anthropic',
    ],
    [
      'an unknown MCP client',
      { name: 'x', mcp_configs: [{ mcp_client_name: 'nobody' }] },
      'mcp_configs[0].mcp_client_name',
      'there is no MCP client',
    ],
    [
      'an MCP client twice',
      { name: 'x', mcp_configs: [{ mcp_client_name: 'tools' }, { mcp_client_id: 'mcp-1' }] },
      'mcp_configs[1].mcp_client_id',
      'appears twice',
    ],
    ['a negative budget', { name: 'x', budgets: [{ max_limit: -1, reset_duration: '1d' }] }, 'budgets[0].max_limit', ''],
    ['a bad duration', { name: 'x', budgets: [{ max_limit: 1, reset_duration: 'soon' }] }, 'budgets[0].reset_duration', ''],
    [
      'two budgets with the same period',
      {
        name: 'x',
        budgets: [
          { max_limit: 1, reset_duration: '1d' },
          { max_limit: 2, reset_duration: '1d' },
        ],
      },
      'budgets[1]',
      '',
    ],
    ['a negative weight', { name: 'x', provider_configs: [{ ...ALL, weight: -1 }] }, 'provider_configs[0].weight', ''],
    [
      'seed 1: * among others in allowed_models',
      { name: 'x', provider_configs: [{ ...ALL, allowed_models: ['*', 'gpt-4o'] }] },
      'provider_configs[0].allowed_models',
      '"*" allows everything',
    ],
    [
      'seed 1: a model twice',
      { name: 'x', provider_configs: [{ ...ALL, allowed_models: ['a', 'a'] }] },
      'provider_configs[0].allowed_models',
      'twice',
    ],
    [
      'seed 1: * among others in key_ids',
      { name: 'x', provider_configs: [{ ...ALL, key_ids: ['*', 'key-prod-001'] }] },
      'provider_configs[0].key_ids',
      '"*" allows everything',
    ],
    [
      'seed 1: a key twice',
      { name: 'x', provider_configs: [{ ...ALL, key_ids: ['key-prod-001', 'key-prod-001'] }] },
      'provider_configs[0].key_ids',
      'twice',
    ],
    [
      'seed 1: * among others in tools_to_execute',
      { name: 'x', mcp_configs: [{ mcp_client_name: 'tools', tools_to_execute: ['*', 'a'] }] },
      'mcp_configs[0].tools_to_execute',
      '"*" allows everything',
    ],
    [
      'seed 1: a tool twice',
      { name: 'x', mcp_configs: [{ mcp_client_name: 'tools', tools_to_execute: ['a', 'a'] }] },
      'mcp_configs[0].tools_to_execute',
      'twice',
    ],
    [
      'allowed_keys of v1.4',
      { name: 'x', provider_configs: [{ provider: 'openai', allowed_keys: ['key-prod-001'] }] },
      'provider_configs[0].allowed_keys',
      'key_ids',
    ],
    ['a usage of its own', { name: 'x', current_usage: -5 }, 'current_usage', 'unknown'],
    ['an owner that is an operator', { name: 'x', team_id: { $ne: null } }, 'team_id', ''],
    ['an id that is an operator', { id: { $gt: '' }, name: 'x' }, 'id', ''],
    ['a change number', { name: 'x', change: 9 }, 'change', 'unknown'],
    ['constructor', { name: 'x', constructor: { prototype: { polluted: 1 } } }, 'constructor', 'unknown'],
  ])('400 for %s', async (_name, body, param, message) => {
    const before = (await managed.call('GET', VKS)).body.total_count
    const refused = refusal(await managed.call('POST', VKS, body))
    expect(refused).toMatchObject({ status: 400, message: expect.stringContaining(message) })
    expect(refused.param).toMatch(new RegExp(`^${param.replace(/[.[\]]/g, '\\$&')}([.[]|$)`))
    expect((await managed.call('GET', VKS)).body.total_count).toBe(before)
  })
  test('the same is refused by PUT, and what stands there stays', async () => {
    const { id } = await make({ name: 'stays', provider_configs: [ALL] })
    const before = (await managed.call('GET', `${VKS}/${id}`)).body
    const refused = refusal(await managed.call('PUT', `${VKS}/${id}`, { provider_configs: [{ ...ALL, allowed_models: ['*', 'x'] }] }))
    expect(refused).toMatchObject({ status: 400, param: 'provider_configs[0].allowed_models' })
    expect((await managed.call('GET', `${VKS}/${id}`)).body).toEqual(before)
  })
  test('409 for a name or a value that another one has, without quoting the value', async () => {
    const { value } = await make({ name: 'taken', provider_configs: [ALL] })
    expect(refusal(await managed.call('POST', VKS, { name: 'taken' }))).toMatchObject({ status: 409 })
    const refused = await managed.call('POST', VKS, { name: 'thief', value })
    expect(refused.status).toBe(409)
    expect(refused.text).not.toContain(value)
  })
  test('404 for one that is not there', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await managed.call(method, `${VKS}/nobody`, method === 'PUT' ? {} : undefined)).status).toBe(404)
  })
  test('an id of its own cannot be changed by an update', async () => {
    const { id } = await make({ name: 'fixed', provider_configs: [ALL] })
    await managed.call('PUT', `${VKS}/${id}`, { id: 'other', name: 'fixed' })
    expect((await managed.call('GET', `${VKS}/other`)).status).toBe(404)
    expect((await managed.call('GET', `${VKS}/${id}`)).status).toBe(200)
  })
})

describe('the list', () => {
  test('pages, sorts, searches and filters', async () => {
    const names = ['list-c', 'list-a', 'list-b']
    for (const [index, name] of names.entries())
      await make({ name, is_active: index !== 1, ...(index === 2 && { customer_id: 'customer' }), provider_configs: [ALL] })
    const list = async (query: string) => (await managed.call('GET', `${VKS}?search=list-&${query}`)).body
    const namesOf = async (query: string) => (await list(query)).virtual_keys.map((each: { name: string }) => each.name)
    expect(await namesOf('')).toEqual(names)
    expect(await namesOf('sort_by=name')).toEqual(['list-a', 'list-b', 'list-c'])
    expect(await namesOf('sort_by=name&order=desc')).toEqual(['list-c', 'list-b', 'list-a'])
    expect((await namesOf('sort_by=status&order=desc'))[0]).toBe('list-a')
    expect(await namesOf('sort_by=name&limit=1&offset=1')).toEqual(['list-b'])
    expect(await list('limit=1')).toMatchObject({ count: 1, total_count: 3, limit: 1, offset: 0 })
    expect(await list('limit=5000')).toMatchObject({ limit: 100 })
    expect(await list('offset=99')).toMatchObject({ virtual_keys: [], count: 0, total_count: 3 })
    expect(await namesOf('customer_id=customer')).toEqual(['list-b'])
  })
  test.each([
    ['limit=x', 'limit'],
    ['sort_by=value', 'sort_by'],
    ['sort_by=__proto__', 'sort_by'],
    ['sort_by=constructor', 'sort_by'],
    ['order=sideways', 'order'],
    [`search=${'x'.repeat(300)}`, 'search'],
  ])('400 for %s', async (query, param) => {
    expect(refusal(await managed.call('GET', `${VKS}?${query}`))).toMatchObject({ status: 400, param })
  })
  test('as CSV, where nothing is a formula', async () => {
    await make({ name: '=HYPERLINK("http://evil.example.com")', description: 'a "quoted", text', provider_configs: [ALL] })
    const { text, headers } = await managed.call('GET', `${VKS}?export=csv`)
    expect(headers.get('content-type')).toContain('text/csv')
    expect(headers.get('content-disposition')).toContain('attachment')
    expect(text).toContain(`"'=HYPERLINK(""http://evil.example.com"")"`)
    expect(text).toContain('"a ""quoted"", text"')
    expect(text).not.toMatch(/(^|,|")[=+@]/m)
    expect(text.split('\r\n')[0]).toBe('id,name,description,status,team,customer,providers,budgets,created_at,updated_at')
  })
})

describe('GET quota, by the virtual key itself', () => {
  test('tells it its own limits and nothing more', async () => {
    const { value } = await make({
      name: 'quota',
      provider_configs: [ALL],
      budgets: [{ max_limit: 5, reset_duration: '1d' }],
      rate_limit: { request_max_limit: 10, request_reset_duration: '1m' },
    })
    for (const headers of [{ 'x-bf-vk': value }, { authorization: `Bearer ${value}` }, { 'x-api-key': value }]) {
      const { status, body, text } = await managed.call('GET', `${VKS}/quota`, undefined, headers)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        virtual_key_name: 'quota',
        is_active: true,
        budgets: [{ max_limit: 5, reset_duration: '1d', current_usage: 0 }],
        rate_limit: { request_max_limit: 10, request_reset_duration: '1m', request_current_usage: 0 },
      })
      expect(text).not.toContain(value)
    }
  })
  test('401 without one, and for one that nobody knows', async () => {
    expect((await managed.call('GET', `${VKS}/quota`)).body.error.type).toBe('virtual_key_required')
    expect(await managed.call('GET', `${VKS}/quota`, undefined, { 'x-bf-vk': 'sk-bf-nobody' })).toMatchObject({
      status: 401,
      body: { error: { type: 'virtual_key_not_found' } },
    })
  })
})

/** What of an answer is a setting. */
function onlySettings({ id: _, created_at: __, updated_at: ___, value: ____, ...settings }: Record<string, unknown>) {
  return settings
}
