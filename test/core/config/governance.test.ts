import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { ALL } from '../../../core/config/allow-list.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { createRedactor } from '../../../core/redact.ts'
import type { TableName } from '../../../core/snapshot.ts'
import { emptyTables, freeze, Snapshot, slices } from '../../../core/snapshot-tables.ts'
import { builtins } from './builtins.ts'

const providers: JsonObject = {
  openai: {
    keys: [
      { id: 'k1', name: 'main', value: 'sk-1', models: ['*'] },
      { id: 'k2', value: 'sk-2', models: ['*'] },
    ],
  },
  anthropic: { keys: [{ id: 'k3', name: 'claude', value: 'sk-3', models: ['*'] }] },
}
const mcp: JsonObject = {
  client_configs: [{ client_id: 'c1', name: 'tools', connection_type: 'http', connection_string: 'https://mcp.example' }],
}
const load = (governance: JsonObject, more: JsonObject = {}) =>
  loadConfig({ config: { providers, mcp, governance, ...more }, env: {}, builtins })
const OPEN = { provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }

describe('settings', () => {
  const { tables, problems } = load({
    customers: [{ id: 'c', name: 'Example', budgets: [{ max_limit: 5, reset_duration: 'monthly' }] }],
    business_units: [{ id: 'u', name: 'Unit', calendar_aligned: true }],
    teams: [{ id: 't', name: 'Search', customer_id: 'c', business_unit_id: 'u', budget_id: 'b1', rate_limit_id: 'r1' }],
    budgets: [{ id: 'b1', max_limit: 10, reset_duration: '1w' }],
    rate_limits: [{ id: 'r1', token_max_limit: 1000, token_reset_duration: '1h' }],
    virtual_keys: [
      {
        id: 'vk',
        value: ' sk-bf-secret ',
        team_id: 't',
        expires_at: '2030-01-01T00:00:00Z',
        budgets: ['b1', { max_limit: 1, reset_duration: '1d' }],
        rate_limit: { request_max_limit: 5, request_reset_duration: '1m' },
        provider_configs: [
          {
            provider: 'openai',
            weight: 0.5,
            allowed_models: ['a'],
            blacklisted_models: ['b'],
            key_ids: ['main', 'k2'],
            rate_limit_id: 'r1',
          },
          { provider: 'anthropic', allowed_models: ['*'], key_ids: ['*'], budgets: [{ id: 'own', max_limit: 1, reset_duration: '1Y' }] },
        ],
        mcp_configs: [{ mcp_client_id: 'c1', tools_to_execute: ['t1'] }],
      },
    ],
  })

  test('a virtual key is plain frozen data without its value', () => {
    expect(problems).toEqual([])
    const key = tables!.virtualKeys.get('vk')!
    expect(key).toEqual({
      id: 'vk',
      name: 'vk',
      isActive: true,
      expiresAt: Date.UTC(2030, 0, 1),
      teamId: 't',
      customerId: undefined,
      accessProfileId: undefined,
      isCalendarAligned: false,
      budgetIds: ['b1', 'virtual_key:vk:1d'],
      rateLimitId: 'virtual_key:vk:rate_limit',
      providers: [
        {
          provider: 'openai',
          weight: 0.5,
          allowedModels: { all: false, names: new Set(['a']) },
          blacklistedModels: { all: false, names: new Set(['b']) },
          keyIds: { all: false, names: new Set(['main', 'k2']) },
          budgetIds: [],
          rateLimitId: 'r1',
        },
        {
          provider: 'anthropic',
          weight: null,
          allowedModels: ALL,
          blacklistedModels: { all: false, names: new Set() },
          keyIds: ALL,
          budgetIds: ['own'],
          rateLimitId: undefined,
        },
      ],
      mcpClients: [{ client: 'c1', tools: { all: false, names: new Set(['t1']) } }],
    })
    expect(JSON.stringify([...tables!.virtualKeys])).not.toContain('sk-bf-secret')
    expect([key, key.providers, key.providers[0], key.mcpClients, key.budgetIds].every(Object.isFrozen)).toBe(true)
  })

  test('it is looked up by the SHA-256 of its value, without the space around it', () => {
    expect([...tables!.virtualKeyIds]).toEqual([[createHash('sha256').update('sk-bf-secret').digest('hex'), 'vk']])
  })

  test('values that look like no secret are masked by the log, the others by how they look', () => {
    const keys = [
      { id: 'a', value: 'sk-bf-0123456789abcdef' },
      { id: 'b', value: 'a-plain-password' },
    ]
    const { secrets } = load({ virtual_keys: keys })
    expect(secrets.filter((secret) => keys.some(({ value }) => value === secret))).toEqual(['a-plain-password'])
    expect(createRedactor(secrets).mask('sk-bf-0123456789abcdef and a-plain-password')).toBe('[redacted] and [redacted]')
  })

  test('owners', () => {
    expect(tables!.teams.get('t')).toMatchObject({
      name: 'Search',
      customerId: 'c',
      businessUnitId: 'u',
      budgetIds: ['b1'],
      rateLimitId: 'r1',
    })
    expect(tables!.customers.get('c')).toMatchObject({ name: 'Example', budgetIds: ['customer:c:monthly'] })
    expect(tables!.businessUnits.get('u')).toMatchObject({ isCalendarAligned: true, budgetIds: [] })
  })

  test('the tables cross threads in slices', () => {
    const copy = new Snapshot()
    for (const { patch } of slices(tables!, 3)) copy.apply(structuredClone(patch))
    for (const [name, table] of Object.entries(copy.tables))
      expect([name, new Map<string, unknown>(table)]).toEqual([name, tables![name as TableName]])
    expect(Object.keys(emptyTables())).toEqual(Object.keys(copy.tables))
    expect(freeze(copy.tables.virtualKeyIds.get([...copy.tables.virtualKeyIds.keys()][0]!))).toBe('vk')
  })

  test('what is kept and not enforced is said so', () => {
    const { notices } = load({ budgets: [{ id: 'b', max_limit: 1, reset_duration: '1d' }], virtual_keys: [{ id: 'a' }] })
    expect(notices).toEqual([
      'accepted, without effect in this version: mcp',
      'governance: budgets and rate limits are kept, and not enforced by this version',
      'governance.virtual_keys: without a value, so that nobody can present them: "a"',
      'governance.virtual_keys: without provider_configs, so that they may use no provider: "a"',
    ])
    const keys = Array.from({ length: 12 }, (_, index) => ({
      id: `vk${index}`,
      value: `v${index}`,
      provider_configs: [{ provider: 'openai' }],
    }))
    expect(load({ virtual_keys: keys }).notices.at(-1)).toMatch(/which denies.*"vk9" \(openai\) and 2 more$/)
  })
})

const vk = (fragment: JsonObject, more: JsonObject = {}): JsonObject => ({ virtual_keys: [{ id: 'v', ...fragment }], ...more })
const rule = (fragment: JsonObject): JsonObject => ({
  routing_rules: [{ id: 'r', name: 'R', targets: [{ provider: 'openai' }], ...fragment }],
})
const override = (fragment: JsonObject): JsonObject => ({
  pricing_overrides: [{ id: 'p', request_types: ['chat_completion'], ...fragment }],
})
const owners = { teams: [{ id: 't', name: 'T' }], customers: [{ id: 'c', name: 'C' }] }

describe('problems', () => {
  test.each<[string, JsonObject, string[]]>([
    [
      'a team and a customer',
      vk({ team_id: 't', customer_id: 'c' }, owners),
      ['virtual_keys[0].customer_id: excludes team_id: a virtual key belongs to a team or to a customer'],
    ],
    [
      'a team that is not there',
      vk({ team_id: 'tt' }, owners),
      ['virtual_keys[0].team_id: there is no team with the id "tt"; did you mean "t"?'],
    ],
    [
      'a provider that is not configured',
      vk({ provider_configs: [{ provider: 'groq' }] }),
      ['virtual_keys[0].provider_configs[0].provider: the provider "groq" is not configured; add it to providers'],
    ],
    [
      'an unknown provider',
      vk({ provider_configs: [{ provider: 'opnai' }] }),
      ['virtual_keys[0].provider_configs[0].provider: there is no provider "opnai"; did you mean "openai"?'],
    ],
    ['a provider twice', vk({ provider_configs: [OPEN, OPEN] }), ['virtual_keys[0].provider_configs[1].provider: "openai" appears twice']],
    [
      'an unknown key',
      vk({ provider_configs: [{ ...OPEN, key_ids: ['mian'] }] }),
      ['virtual_keys[0].provider_configs[0].key_ids[0]: the provider openai has no key with the id or name "mian"; did you mean "main"?'],
    ],
    [
      "another provider's key",
      vk({ provider_configs: [{ ...OPEN, key_ids: ['claude'] }] }),
      ['virtual_keys[0].provider_configs[0].key_ids[0]: "claude" is a key of anthropic, not of openai'],
    ],
    [
      'a negative weight',
      vk({ provider_configs: [{ ...OPEN, weight: -1 }] }),
      ['virtual_keys[0].provider_configs[0].weight: must be at least 0'],
    ],
    ['no provider name', vk({ provider_configs: [{}] }), ['virtual_keys[0].provider_configs[0].provider: is required']],
    [
      'an unknown MCP client',
      vk({ mcp_configs: [{ mcp_client_name: 'tool' }] }),
      ['virtual_keys[0].mcp_configs[0].mcp_client_name: there is no MCP client "tool"; did you mean "tools"?'],
    ],
    [
      'an MCP client twice',
      vk({ mcp_configs: [{ mcp_client_name: 'tools' }, { mcp_client_id: 'c1' }] }),
      ['virtual_keys[0].mcp_configs[1].mcp_client_id: "c1" appears twice'],
    ],
    ['no MCP client', vk({ mcp_configs: [{}] }), ['virtual_keys[0].mcp_configs[0]: needs mcp_client_name or mcp_client_id']],
    [
      'two budgets of one period',
      vk({
        budgets: [
          { max_limit: 1, reset_duration: '1d' },
          { max_limit: 2, reset_duration: '24h' },
        ],
      }),
      ['virtual_keys[0].budgets[1]: has the same reset_duration (1d) as another budget; one budget per period'],
    ],
    ['a budget that is not there', vk({ budgets: ['b'] }), ['virtual_keys[0].budgets[0]: there is no budget with the id "b"']],
    ['a budget without a limit', vk({ budgets: [{ reset_duration: '1d' }] }), ['virtual_keys[0].budgets[0].max_limit: is required']],
    [
      'the former budget',
      vk({ budget: {} }),
      ['virtual_keys[0].budget: was replaced by budgets, a list with one budget per reset_duration'],
    ],
    ['the former budget_id', vk({ budget_id: 'b' }), ['virtual_keys[0].budget_id: was replaced by budgets, a list of ids or of budgets']],
    ['a value with a space', vk({ value: 'a b' }), ['virtual_keys[0].value: must be 1 to 512 visible ASCII characters without a space']],
    ['an expiry', vk({ expires_at: 'tomorrow' }), ['virtual_keys[0].expires_at: must be an instant like "2026-01-31T12:00:00Z"']],
    [
      'an access profile that is not there',
      vk({ access_profile_id: 'p' }),
      ['virtual_keys[0].access_profile_id: there is no access profile with the id "p"'],
    ],
    ['no id', { virtual_keys: [{ name: 'x' }] }, ['virtual_keys[0].id: is required']],
    [
      'an id twice',
      {
        teams: [
          { id: 't', name: 'A' },
          { id: 't', name: 'B' },
        ],
      },
      ['teams[1].id: "t" appears twice'],
    ],
    [
      'a name twice',
      {
        teams: [
          { id: 'a', name: 'T' },
          { id: 'b', name: 'T' },
        ],
      },
      ['teams[1].name: "T" appears twice'],
    ],
    [
      'a value twice',
      {
        virtual_keys: [
          { id: 'a', value: 'v' },
          { id: 'b', value: 'v' },
        ],
      },
      ['virtual_keys[1].value: is also the value of another virtual key'],
    ],
    ['a negative budget', { budgets: [{ id: 'b', max_limit: -1, reset_duration: '1d' }] }, ['budgets[0].max_limit: must be at least 0']],
    [
      'a period',
      { budgets: [{ id: 'b', max_limit: 1, reset_duration: '1Q' }] },
      [
        'budgets[0].reset_duration: must be a duration of at least a second, like "30s", "1h", "1d", "1w", "1M" or "1Y", or daily, weekly, monthly or yearly',
      ],
    ],
    [
      'an hour in the calendar',
      { budgets: [{ id: 'b', max_limit: 1, reset_duration: '1h', calendar_aligned: true }] },
      ['budgets[0].calendar_aligned: a period of 1h has no place in the calendar; days, weeks, months and years have'],
    ],
    [
      'two owners',
      { ...owners, budgets: [{ id: 'b', max_limit: 1, reset_duration: '1d', team_id: 't', customer_id: 'c' }] },
      ['budgets[0].customer_id: excludes team_id: a budget has one owner'],
    ],
    [
      'an owner that is not there',
      { budgets: [{ id: 'b', max_limit: 1, reset_duration: '1d', team_id: 'x' }] },
      ['budgets[0].team_id: there is no team with the id "x"'],
    ],
    [
      'an owner with two budgets of one period',
      { ...owners, budgets: ['a', 'b'].map((id) => ({ id, max_limit: 1, reset_duration: '1d', team_id: 't' })) },
      ['budgets[1].reset_duration: the budget "a" of the same owner has this period too; one budget per period'],
    ],
    [
      'half a rate limit',
      { rate_limits: [{ id: 'r', token_max_limit: 1 }] },
      ['rate_limits[0].token_reset_duration: is required with token_max_limit'],
    ],
    [
      'the other half',
      { rate_limits: [{ id: 'r', request_reset_duration: '1m' }] },
      ['rate_limits[0].request_max_limit: is required with request_reset_duration'],
    ],
    [
      'no limit',
      { rate_limits: [{ id: 'r' }] },
      ['rate_limits[0]: limits nothing: set token_max_limit or request_max_limit, with its reset_duration'],
    ],
    [
      'a limit of nothing',
      { rate_limits: [{ id: 'r', request_max_limit: 0, request_reset_duration: '1m' }] },
      ['rate_limits[0].request_max_limit: must be at least 1'],
    ],
    [
      'a customer that is not there',
      { teams: [{ id: 't', name: 'T', customer_id: 'x' }] },
      ['teams[0].customer_id: there is no customer with the id "x"'],
    ],
    [
      'weights',
      rule({
        targets: [
          { provider: 'openai', weight: 0.5 },
          { provider: 'anthropic', weight: 0.4 },
        ],
      }),
      ['routing_rules[0].targets: the weights make 0.9; together they must make 1'],
    ],
    ['no target', rule({ targets: [] }), ['routing_rules[0].targets: needs at least one entry']],
    [
      'a target that is not there',
      rule({ targets: [{ provider: 'groq' }] }),
      ['routing_rules[0].targets[0].provider: the provider "groq" is not configured; add it to providers'],
    ],
    [
      'a key without its provider',
      rule({ targets: [{ key_id: 'k1' }] }),
      ['routing_rules[0].targets[0].key_id: needs the provider whose key it is'],
    ],
    [
      'a key of another provider',
      rule({ targets: [{ provider: 'openai', key_id: 'k3' }] }),
      ['routing_rules[0].targets[0].key_id: "k3" is a key of anthropic, not of openai'],
    ],
    [
      'a fallback without a provider',
      rule({ fallbacks: ['gpt-4o'] }),
      ['routing_rules[0].fallbacks[0]: must be "provider/model", or "provider/" for the model of the request'],
    ],
    [
      'a fallback that is not there',
      rule({ fallbacks: ['openai/', 'xai/grok'] }),
      ['routing_rules[0].fallbacks[1]: the provider "xai" is not configured; add it to providers'],
    ],
    ['a scope without its id', rule({ scope: 'team' }), ['routing_rules[0].scope_id: is required for the scope team']],
    ['a scope that is not there', rule({ scope: 'team', scope_id: 'x' }), ['routing_rules[0].scope_id: there is no team with the id "x"']],
    ['an id without its scope', rule({ scope_id: 'x' }), ['routing_rules[0].scope_id: belongs to a scope other than global']],
    [
      'an unknown scope',
      rule({ scope: 'world', scope_id: 'x' }),
      ['routing_rules[0].scope: must be one of "global", "team", "customer", "virtual_key"'],
    ],
    [
      'limits of an unknown provider',
      { providers: [{ name: 'groq' }] },
      ['providers[0].name: the provider "groq" is not configured; add it to providers'],
    ],
    [
      'limits of a model at an unknown provider',
      { model_configs: [{ id: 'm', model_name: '*', provider: 'groq' }] },
      ['model_configs[0].provider: the provider "groq" is not configured; add it to providers'],
    ],
    [
      'a price for nobody',
      override({ scope_kind: 'virtual_key' }),
      ['pricing_overrides[0].virtual_key_id: is required for the scope virtual_key'],
    ],
    [
      'a price with a stray id',
      override({ provider_id: 'openai' }),
      ['pricing_overrides[0].provider_id: does not belong to the scope global'],
    ],
    [
      'a price of an unknown key',
      override({ scope_kind: 'provider_key', provider_key_id: 'nope' }),
      ['pricing_overrides[0].provider_key_id: no provider has a key with the id or name "nope"'],
    ],
    [
      'a price that is no number',
      override({ pricing_patch: '{"input_cost_per_token":"free"}' }),
      ['pricing_overrides[0].pricing_patch: "input_cost_per_token" must be a number of at least 0'],
    ],
    ['a price for no request', override({ request_types: [] }), ['pricing_overrides[0].request_types: needs at least one entry']],
    [
      'sign-in without a password',
      { auth_config: { is_enabled: true, admin_username: 'a' } },
      ['auth_config.admin_password: is required when is_enabled is true; there is none by default'],
    ],
  ])('%s', (_, governance, expected) => {
    const { problems } = load(governance)
    const kept = problems.filter((problem) => !problem.includes('cannot be enforced by this version'))
    expect(kept).toEqual(expected.map((problem) => `governance.${problem}`))
  })
})

test.each<[string, JsonObject]>([
  [
    'shares that are all 0',
    rule({
      targets: [
        { provider: 'openai', weight: 0 },
        { provider: 'anthropic', weight: 0 },
      ],
    }),
  ],
  ['thirds', rule({ targets: [0.333, 0.333, 0.334].map((weight) => ({ provider: 'openai', weight })) })],
  ['the provider that answers from the process itself', vk({ provider_configs: [{ provider: 'demo' }] })],
  ['keys by id and by name', vk({ provider_configs: [{ ...OPEN, key_ids: ['main', 'k2'] }] })],
  ['a rate limit taken away', vk({ rate_limit: {} })],
  [
    'a price of a key by its name',
    override({ scope_kind: 'provider_key', provider_key_name: 'main', pricing_patch: '{"input_cost_per_token":0.1}' }),
  ],
  [
    'periods',
    {
      budgets: ['30s', '1h30m', '1d', '2w', '1M', '1Y', 'daily', 'weekly'].map((reset_duration, index) => ({
        id: `b${index}`,
        max_limit: 0,
        reset_duration,
      })),
    },
  ],
])('%s: no problem', (_, governance) => {
  expect(load(governance).problems).toEqual([])
})
