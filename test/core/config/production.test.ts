import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { productionPoints } from '../../../core/config/production.ts'

const key = (fragment: JsonObject): JsonObject => ({ governance: { virtual_keys: [{ id: 'v', ...fragment }] } })
const budget = { max_limit: 1, reset_duration: '1d' }
const enforced = { enforce_auth_on_inference: true }

test('seed 4: the checklist has six points, none of which an empty configuration meets', () => {
  expect(productionPoints({}).map(({ name, isMet }) => [name, isMet])).toEqual([
    ['people come from the directory alone', false],
    ['no anonymous inference', false],
    ['origins are listed', false],
    ['headers are listed', false],
    ['budgets before traffic', false],
    ['audit logs are kept', false],
  ])
})

test.each<[number, boolean, JsonObject]>([
  [1, true, { scim_config: { enabled: true } }],
  [1, false, { scim_config: { enabled: false } }],
  [2, true, { client: enforced }],
  [2, true, { client: { enforce_governance_header: true } }],
  [2, false, { client: enforced, governance: { auth_config: { disable_auth_on_inference: true } } }],
  [2, false, { client: enforced, auth_config: { disable_auth_on_inference: true } }],
  [3, true, { client: { allowed_origins: ['https://app.example.com'] } }],
  [3, true, { client: { allowed_origins: [] } }],
  [3, false, { client: { allowed_origins: ['*'] } }],
  [3, false, { client: { allowed_origins: ['https://a.example.com', 'https://*.example.com'] } }],
  [4, true, { client: { allowed_headers: ['Authorization'], header_filter_config: { allowlist: ['x-a'] } } }],
  [4, false, { client: { allowed_headers: ['Authorization'] } }],
  [4, false, { client: { header_filter_config: { allowlist: ['x-a'] } } }],
  [5, true, key({ budgets: [budget] })],
  [5, true, key({ provider_configs: [{ provider: 'a', budgets: [budget] }] })],
  [5, false, key({ provider_configs: [{ provider: 'a', budgets: [budget] }, { provider: 'b' }] })],
  [5, false, key({})],
  [5, false, key({ is_active: false })],
  [
    5,
    true,
    {
      governance: {
        virtual_keys: [{ id: 'v', team_id: 't' }],
        teams: [{ id: 't', customer_id: 'c' }],
        customers: [{ id: 'c', budget_id: 'b' }],
      },
    },
  ],
  [5, true, { governance: { virtual_keys: [{ id: 'v' }], budgets: [{ ...budget, id: 'b', virtual_key_id: 'v' }] } }],
  [6, true, { audit_logs: { hmac_key: 'x' } }],
  [6, false, { audit_logs: {} }],
  [6, false, { audit_logs: { disabled: true, hmac_key: 'x' } }],
])('seed 4, point %i: %s with %j', (number, isMet, config) => {
  expect(productionPoints(config)[number - 1]!.isMet).toBe(isMet)
})

test('who lacks a budget is named, the first five', () => {
  const keys = Array.from({ length: 7 }, (_, index) => ({ id: `v${index}` }))
  expect(productionPoints({ governance: { virtual_keys: keys } })[4]!.message).toBe(
    'no budget limits "v0", "v1", "v2", "v3", "v4" and 2 more',
  )
})
