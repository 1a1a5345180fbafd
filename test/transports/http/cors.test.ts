import { describe, expect, test } from 'vitest'
import { corsHeaders, isAllowedOrigin } from '../../../transports/http/cors.ts'

describe('without allowed_origins: this machine alone', () => {
  test.each(['http://localhost', 'https://localhost:3000', 'http://127.0.0.1:8080', 'http://0.0.0.0:1', 'http://[::1]:5173'])(
    '%s is allowed',
    (origin) => {
      expect(isAllowedOrigin(origin, [])).toBe(true)
    },
  )

  test.each([
    'http://localhost.evil.io',
    'http://localhost:3000.evil.io',
    'https://0.0.0.0',
    'http://127.0.0.1@evil.io',
    'http://evil.io',
    'null',
    '',
    'ftp://localhost',
  ])('%j is not', (origin) => {
    expect(isAllowedOrigin(origin, [])).toBe(false)
  })
})

describe('with allowed_origins: nothing else', () => {
  const allowed = ['https://app.example.com', 'https://*.team.example.com']

  test.each(['https://app.example.com', 'https://a.team.example.com'])('%s is allowed', (origin) => {
    expect(isAllowedOrigin(origin, allowed)).toBe(true)
  })

  test.each([
    'http://localhost',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.io',
    'https://xapp.example.com',
    'https://appXexample.com',
    'https://a.b.team.example.com',
    'https://.team.example.com',
    'https://evil.io/.team.example.com',
    'https://a@team.example.com',
    'null',
  ])('%s is not', (origin) => {
    expect(isAllowedOrigin(origin, allowed)).toBe(false)
  })
})

test('* is never together with credentials', () => {
  expect(corsHeaders('https://any.io', { allowedOrigins: ['*'], allowedHeaders: [] })).toEqual([
    ['Access-Control-Allow-Origin', '*'],
    ['Vary', 'Origin'],
  ])
})

test('an origin that is also named exactly has them', () => {
  expect(corsHeaders('https://app.io', { allowedOrigins: ['*', 'https://app.io'], allowedHeaders: [] })).toContainEqual([
    'Access-Control-Allow-Credentials',
    'true',
  ])
})

test('an endless origin is refused before any pattern sees it', () => {
  expect(isAllowedOrigin(`https://${'a'.repeat(30_000)}`, ['https://*a*a*a*a*b'])).toBe(false)
})
