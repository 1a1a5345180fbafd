import { describe, expect, test } from 'vitest'
import { manageOne, providerAt } from './support.ts'

const G = '/api/governance'
const managed = manageOne((url) => ({
  providers: { openai: providerAt(url), anthropic: providerAt(url, { id: 'key-2', name: 'two', value: 'sk-two', models: ['*'] }) },
}))

function refusal({ status, body }: { status: number; body: { error?: { param?: string; message: string } } }) {
  return { status, param: body.error?.param, message: body.error?.message }
}

/** Each kind: its path, names in answers, a payload, a change, and payloads that are refused with the field. */
const KINDS: readonly {
  path: string
  single: string
  plural: string
  noun: string
  status?: number
  payload: (name: string) => object
  change: object
  wrong: readonly (readonly [payload: object, param: string])[]
}[] = [
  {
    path: 'teams',
    single: 'team',
    plural: 'teams',
    noun: 'Team',
    payload: (name) => ({ name, budgets: [{ max_limit: 10, reset_duration: '1M' }] }),
    change: { rate_limit: { token_max_limit: 5, token_reset_duration: '1h' } },
    wrong: [
      [{}, 'name'],
      [{ name: 'x', customer_id: 'nobody' }, 'customer_id'],
      [{ name: 'x', budgets: [{ max_limit: -1, reset_duration: '1d' }] }, 'budgets[0].max_limit'],
      [{ name: 'x', rate_limit: { token_max_limit: 5 } }, 'rate_limit.token_reset_duration'],
      [{ name: 'x', is_admin: true }, 'is_admin'],
      [{ name: { $ne: '' } }, 'name'],
    ],
  },
  {
    path: 'customers',
    single: 'customer',
    plural: 'customers',
    noun: 'Customer',
    payload: (name) => ({ name }),
    change: { budgets: [{ max_limit: 1, reset_duration: '1d' }] },
    wrong: [
      [{}, 'name'],
      [{ name: 'x', budgets: [{ max_limit: 1, reset_duration: '1q' }] }, 'budgets[0].reset_duration'],
    ],
  },
  {
    path: 'business-units',
    single: 'business_unit',
    plural: 'business_units',
    noun: 'Business unit',
    payload: (name) => ({ name }),
    change: { name: 'changed unit' },
    wrong: [[{}, 'name']],
  },
  {
    path: 'routing-rules',
    single: 'rule',
    plural: 'rules',
    noun: 'Routing rule',
    payload: (name) => ({ name, cel_expression: 'model == "gpt-4o"', targets: [{ provider: 'openai', weight: 1 }] }),
    change: { priority: 5 },
    wrong: [
      [{}, 'name'],
      [{ name: 'x', targets: [] }, 'targets'],
      [{ name: 'x', targets: [{ provider: 'nobody', weight: 1 }] }, 'targets[0].provider'],
      [{ name: 'x', targets: [{ provider: 'openai', weight: 0.3 }] }, 'targets'],
      [{ name: 'x', targets: [{ key_id: 'key-1', weight: 1 }] }, 'targets[0].key_id'],
      [{ name: 'x', targets: [{ provider: 'openai' }], scope: 'team' }, 'scope_id'],
      [{ name: 'x', targets: [{ provider: 'openai' }], scope: 'moon' }, 'scope'],
      [{ name: 'x', targets: [{ provider: 'openai' }], cel_expression: 'model ==' }, 'cel_expression'],
      [{ name: 'x', targets: [{ provider: 'openai' }], cel_expression: 'nothing_known == 1' }, 'cel_expression'],
      [{ name: 'x', targets: [{ provider: 'openai' }], cel_expression: '"text"' }, 'cel_expression'],
    ],
  },
  {
    path: 'model-configs',
    single: 'model_config',
    plural: 'model_configs',
    noun: 'Model config',
    payload: (name) => ({ model_name: name, provider: 'openai', rate_limit: { request_max_limit: 5, request_reset_duration: '1m' } }),
    change: { budgets: [{ max_limit: 3, reset_duration: '1d' }] },
    wrong: [
      [{}, 'model_name'],
      [{ model_name: 'x', provider: 'nobody' }, 'provider'],
      [{ model_name: 'x', scope: 'virtual_key' }, 'scope_id'],
    ],
  },
  {
    path: 'pricing-overrides',
    single: 'pricing_override',
    plural: 'pricing_overrides',
    noun: 'Pricing override',
    status: 201,
    payload: (name) => ({
      name,
      scope_kind: 'global',
      pattern: 'gpt-*',
      match_type: 'wildcard',
      request_types: ['chat_completion'],
      patch: { input_cost_per_token: 0.1 },
    }),
    change: { pattern: 'gpt-4*' },
    wrong: [
      [{}, 'name'],
      [{ name: 'x', request_types: [] }, 'request_types'],
      [{ name: 'x', request_types: ['chat_completion'], scope_kind: 'provider' }, 'provider_id'],
      [{ name: 'x', request_types: ['chat_completion'], patch: { input_cost_per_token: -1 } }, 'pricing_patch.input_cost_per_token'],
    ],
  },
]

describe.each(KINDS)('$path', ({ path, single, plural, noun, status = 200, payload, change, wrong }) => {
  const root = `${G}/${path}`
  test('is made, listed, read, changed and removed', async () => {
    const made = await managed.call('POST', root, payload('first'))
    expect(made.text).toContain(`${noun} created successfully`)
    expect(made.status).toBe(status)
    const { id } = made.body[single]
    expect(made.body[single]).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), created_at: expect.any(String) })
    const list = (await managed.call('GET', root)).body
    expect(list).toMatchObject({ count: 1, total_count: 1, limit: 25, offset: 0 })
    expect(list[plural][0]).toEqual(made.body[single])
    expect((await managed.call('GET', `${root}/${id}`)).body).toEqual({ [single]: made.body[single] })
    const changed = await managed.call('PUT', `${root}/${id}`, change)
    expect(changed.body[single]).toMatchObject(change)
    expect(changed.body[single]).toMatchObject({ id })
    const sentBack = await managed.call('PUT', `${root}/${id}`, changed.body[single])
    expect(sentBack.status, sentBack.text).toBe(200)
    expect(sentBack.body[single]).toEqual({ ...changed.body[single], updated_at: expect.any(String) })
    expect((await managed.call('DELETE', `${root}/${id}`)).body).toEqual({ message: `${noun} deleted successfully` })
    expect((await managed.call('GET', root)).body).toMatchObject({ total_count: 0 })
  })
  test.each(wrong)('400 for %j at %s, and nothing is made', async (sent, param) => {
    const refused = refusal(await managed.call('POST', root, sent))
    expect(refused.status).toBe(400)
    expect(refused.param).toBe(param)
    expect((await managed.call('GET', root)).body.total_count).toBe(0)
  })
  test('404 for one that is not there', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await managed.call(method, `${root}/nobody`, method === 'PUT' ? change : undefined)).status).toBe(404)
  })
})

describe.each(KINDS.filter(({ path }) => path !== 'model-configs' && path !== 'pricing-overrides'))(
  '$path',
  ({ path, single, payload }) => {
    const root = `${G}/${path}`
    test('409 for a name that is taken', async () => {
      const { id } = (await managed.call('POST', root, payload('taken'))).body[single]
      expect(refusal(await managed.call('POST', root, payload('taken')))).toMatchObject({ status: 409 })
      expect(refusal(await managed.call('POST', root, { ...payload('other'), id }))).toMatchObject({ status: 409 })
      await managed.call('DELETE', `${root}/${id}`)
    })
  },
)

describe('limits', () => {
  test('of a provider are set and taken away', async () => {
    const limits = { budgets: [{ max_limit: 100, reset_duration: '1M' }] }
    const set = await managed.call('PUT', `${G}/providers/openai`, limits)
    expect(set.body).toMatchObject({ message: 'Provider governance updated successfully', provider: { provider: 'openai', ...limits } })
    expect((await managed.call('GET', `${G}/providers`)).body).toMatchObject({ count: 1, providers: [{ provider: 'openai' }] })
    expect((await managed.call('DELETE', `${G}/providers/openai`)).status).toBe(200)
    expect((await managed.call('GET', `${G}/providers`)).body.count).toBe(0)
    expect((await managed.call('DELETE', `${G}/providers/openai`)).status).toBe(404)
    expect((await managed.call('PUT', `${G}/providers/nobody`, limits)).status).toBe(404)
    expect(
      refusal(await managed.call('PUT', `${G}/providers/openai`, { budgets: [{ max_limit: 'much', reset_duration: '1d' }] })),
    ).toMatchObject({
      status: 400,
      param: 'budgets[0].max_limit',
    })
  })
  test('are listed whoever holds them', async () => {
    const { id } = (
      await managed.call('POST', `${G}/virtual-keys`, {
        name: 'limited',
        budgets: [{ max_limit: 5, reset_duration: '1d' }],
        rate_limit: { request_max_limit: 10, request_reset_duration: '1m' },
        provider_configs: [{ provider: 'openai', budgets: [{ max_limit: 2, reset_duration: '1h' }] }],
      })
    ).body.virtual_key
    const { budgets, count } = (await managed.call('GET', `${G}/budgets`)).body
    expect(count).toBe(2)
    expect(budgets).toEqual([
      expect.objectContaining({ id: `virtual_key:${id}:1d`, max_limit: 5, current_usage: 0 }),
      expect.objectContaining({ id: `virtual_key:${id}:openai:1h`, max_limit: 2 }),
    ])
    expect((await managed.call('GET', `${G}/rate-limits`)).body).toMatchObject({
      count: 1,
      rate_limits: [{ id: `virtual_key:${id}:rate_limit`, request_max_limit: 10, request_current_usage: 0 }],
    })
    await managed.call('DELETE', `${G}/virtual-keys/${id}`)
  })
  test('keep what was spent, whatever a payload says of it', async () => {
    const spent = { max_limit: 5, reset_duration: '1d', current_usage: 0, last_reset: '2020-01-01T00:00:00Z' }
    const made = (await managed.call('POST', `${G}/teams`, { name: 'spender', budgets: [spent] })).body.team
    expect(made.budgets).toEqual([{ max_limit: 5, reset_duration: '1d' }])
    await managed.gateway.live?.write('teams', made.id, (held) => ({
      ...held?.body,
      budgets: [{ max_limit: 5, reset_duration: '1d', current_usage: 4 }],
    }))
    const put = await managed.call('PUT', `${G}/teams/${made.id}`, { budgets: [{ ...spent, max_limit: 6 }] })
    expect(put.body.team.budgets).toEqual([{ max_limit: 6, reset_duration: '1d', current_usage: 4 }])
    await managed.call('DELETE', `${G}/teams/${made.id}`)
  })
})

describe('who goes', () => {
  test('a customer leaves its teams and virtual keys behind, without it', async () => {
    const customer = (await managed.call('POST', `${G}/customers`, { name: 'leaving' })).body.customer.id
    const team = (await managed.call('POST', `${G}/teams`, { name: 'of it', customer_id: customer })).body.team.id
    const key = (await managed.call('POST', `${G}/virtual-keys`, { name: 'of it', customer_id: customer })).body.virtual_key.id
    expect((await managed.call('GET', `${G}/teams?customer_id=${customer}`)).body.total_count).toBe(1)
    expect((await managed.call('DELETE', `${G}/customers/${customer}`)).status).toBe(200)
    expect((await managed.call('GET', `${G}/teams/${team}`)).body.team.customer_id ?? null).toBeNull()
    expect((await managed.call('GET', `${G}/virtual-keys/${key}`)).body.virtual_key.customer_id ?? null).toBeNull()
    expect(managed.gateway.core.runtime.tables.customers.has(customer)).toBe(false)
    expect(managed.gateway.core.runtime.tables.virtualKeys.get(key)?.customerId).toBeUndefined()
  })
})
