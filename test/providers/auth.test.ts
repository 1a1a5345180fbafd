import { expect, test } from 'vitest'
import type { AuthKind } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { authenticators } from '../../providers/auth/index.ts'

const provider = {} as ProviderSettings
const key = (value: string) => ({ value }) as KeySettings

test.each<[AuthKind, string, string[][]]>([
  ['bearer', 'abc', [['authorization', 'Bearer abc']]],
  ['x-api-key', 'abc', [['x-api-key', 'abc']]],
  ['none', 'abc', []],
  ['bearer', '', []],
  ['x-api-key', '', []],
])('%s writes "%s" as %j', (kind, value, lines) => {
  expect(authenticators[kind](key(value), provider)).toEqual(lines)
})
