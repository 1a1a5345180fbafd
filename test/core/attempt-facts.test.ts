import { expect, test } from 'vitest'
import { explainError } from '../../core/attempt-facts.ts'
import { GatewayError } from '../../core/errors.ts'

const FACTS = { detail: { provider: 'p' }, secrets: [], sendsRawResponse: false }

test.each([
  [429, { message: 'spent', type: 'insufficient_quota' }],
  [429, { message: 'Rate limit reached' }],
  [503, { message: 'later', code: '503' }],
  [502, { message: 'no idea' }],
])('a provider error without a status gets %i from what it says: %j', (status, upstream) => {
  expect(explainError(new GatewayError('GW_UPSTREAM_ERROR', { upstream }), FACTS).status).toBe(status)
})

test("a provider error's own status stays", () => {
  const error = new GatewayError('GW_UPSTREAM_ERROR', { upstream: { message: 'Rate limit reached' }, status: 400 })
  expect(explainError(error, FACTS).status).toBe(400)
})
