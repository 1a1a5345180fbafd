import { expect, test } from 'vitest'
import type { Authenticator, AuthKind } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { authenticators } from '../../providers/auth/index.ts'

const provider = {} as ProviderSettings
const key = (value: string) => ({ value, config: {} }) as unknown as KeySettings

test.each<[AuthKind, string, string[][]]>([
  ['bearer', 'abc', [['authorization', 'Bearer abc']]],
  ['x-api-key', 'abc', [['x-api-key', 'abc']]],
  ['x-goog-api-key', 'abc', [['x-goog-api-key', 'abc']]],
  ['entra', 'abc', [['api-key', 'abc']]],
  ['entra-x-api-key', 'abc', [['x-api-key', 'abc']]],
  ['sigv4', 'abc', [['authorization', 'Bearer abc']]],
  ['google', 'abc', [['x-goog-api-key', 'abc']]],
  ['none', 'abc', []],
  ['bearer', '', []],
  ['x-api-key', '', []],
])('%s writes "%s" as %j', (kind, value, lines) => {
  expect((authenticators[kind] as Authenticator).headers(key(value), provider)).toEqual(lines)
})
