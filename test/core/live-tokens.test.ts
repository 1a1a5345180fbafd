import { expect, test } from 'vitest'
import { createLiveTokens } from '../../core/live-tokens.ts'
import { createRedactor } from '../../core/redact.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'

const key = (id: string) => ({ id, provider: 'vertex' }) as KeySettings
const provider = (...ids: string[]) => ({ name: 'vertex', keys: ids.map(key) }) as unknown as ProviderSettings
const minted = (...secrets: string[]) => ({
  credential: { values: Object.fromEntries(secrets.map((secret, at) => [`v${at}`, secret])), expiresAt: 0 },
  mintedAt: 0,
  refreshAt: 0,
})
const name = (count: number) => `minted-token-${count}`

test('the newest few of each key are known, of this provider alone; older ones are forgotten, in the log too', () => {
  const redactor = createRedactor()
  const tokens = createLiveTokens(redactor)
  for (let count = 0; count < 9; count++) tokens.add(key('a'), minted(name(count)))
  tokens.add(key('b'), minted('the-access-key', 'the-session-token'))
  expect(tokens.of(provider('a'))).toEqual([5, 6, 7, 8].map(name))
  expect(tokens.of(provider('a', 'b'))).toEqual([...[5, 6, 7, 8].map(name), 'the-access-key', 'the-session-token'])
  expect(tokens.of({ ...provider('a'), name: 'other' })).toEqual([])
  expect(redactor.mask(`${name(8)} ${name(4)} the-session-token`)).toBe(`[redacted] ${name(4)} [redacted]`)
})

test('the same credential that comes again counts once', () => {
  const redactor = createRedactor()
  const tokens = createLiveTokens(redactor)
  for (const count of [0, 0, 1, 0, 2, 3]) tokens.add(key('a'), minted(name(count)))
  expect(tokens.of(provider('a'))).toEqual([1, 0, 2, 3].map(name))
  for (const count of [4, 5]) tokens.add(key('a'), minted(name(count)))
  expect(redactor.mask(`${name(0)} ${name(1)} ${name(2)}`)).toBe(`${name(0)} ${name(1)} [redacted]`)
})

test('what is configured too stays a secret when it was minted and is forgotten', () => {
  const redactor = createRedactor(['configured-secret'])
  const tokens = createLiveTokens(redactor)
  tokens.add(key('a'), minted('configured-secret'))
  for (let count = 0; count < 9; count++) tokens.add(key('a'), minted(name(count)))
  expect(redactor.mask('configured-secret')).toBe('[redacted]')
})

test('keys are not remembered without end', () => {
  const redactor = createRedactor()
  const tokens = createLiveTokens(redactor)
  for (let count = 0; count < 4097; count++) tokens.add(key(String(count)), minted(count === 0 ? 'first-token' : 'short'))
  expect(tokens.of(provider('0', '1'))).toEqual(['short'])
  expect(redactor.mask('first-token')).toBe('first-token')
})
