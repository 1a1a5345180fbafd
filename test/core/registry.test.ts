import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../core/config/problems.ts'
import type { Format } from '../../core/format.ts'
import { defineProvider } from '../../core/provider.ts'
import { createRegistry } from '../../core/registry.ts'
import { authenticators } from '../../providers/auth/index.ts'

const both = { name: 'f', outbound: {} } as unknown as Format
const inboundOnly = { name: 'in' } as unknown as Format
const entry = defineProvider({ name: 'p', format: 'f', auth: 'bearer', paths: {} })

describe('registry', () => {
  test('finds by name', () => {
    const registry = createRegistry({ formats: [both], providers: [entry], authenticators })
    expect(registry.provider('p')).toBe(entry)
    expect(registry.format('f')).toBe(both)
    expect(registry.authenticator(entry)).toBe(authenticators.bearer)
    expect(() => registry.provider('q')).toThrow('unknown provider q')
  })

  test('says everything that does not fit, at once', () => {
    const make = () =>
      createRegistry({
        formats: [both, both, inboundOnly],
        providers: [entry, entry, { ...entry, name: 'q', format: 'g' }, { ...entry, name: 'r', format: 'in' }],
        authenticators,
      })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(
      [
        'format f is registered twice',
        'provider p is registered twice',
        'provider q speaks the unknown format g',
        'provider r speaks the format in, which has no outbound half',
      ].join('\n'),
    )
  })
})
