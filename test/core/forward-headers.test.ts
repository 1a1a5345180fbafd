import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Format } from '../../core/format.ts'
import { forwardedHeaders, isForwardable, mergeHeaders, shownHeaders } from '../../core/forward-headers.ts'
import type { ClientSettings, KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { authenticators } from '../../providers/auth/index.ts'
import { format as anthropicMessages } from '../../providers/formats/anthropic-messages/index.ts'

const settings = (allow: string[] = [], deny: string[] = []): ClientSettings =>
  ({ headerAllowlist: new Set(allow), headerDenylist: new Set(deny) }) as unknown as ClientSettings
const dialect = { headers: ['openai-organization', 'idempotency-key'] } as unknown as Format
const forward = (incoming: Record<string, string>, client = settings(), shared?: Format) =>
  forwardedHeaders(new Map(Object.entries(incoming)), client, shared)

/** Headers that authenticate a provider's request, or belong to one connection (D7). */
const BLOCKED = [
  'authorization',
  'proxy-authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'xi-api-key',
  'x-amz-security-token',
  'x-amz-date',
  'cookie',
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'content-length',
  'content-encoding',
  'accept-encoding',
  'x-bf-vk',
  'x-bifrost-anything',
]

describe('what a client sends on', () => {
  test.each([
    {
      name: 'prefixed headers, without the prefix',
      incoming: { 'x-bf-eh-trace': 't', 'x-bf-eh-x-custom': 'c' },
      expected: [
        ['trace', 't'],
        ['x-custom', 'c'],
      ],
    },
    { name: 'no other header', incoming: { trace: 't', 'user-agent': 'u', 'openai-organization': 'o' }, expected: [] },
    {
      name: 'the dialect’s own, where the provider speaks it',
      incoming: { 'openai-organization': 'o', other: 'x' },
      shared: dialect,
      expected: [['openai-organization', 'o']],
    },
    { name: 'plain names of the allow-list', incoming: { trace: 't' }, client: settings(['trace']), expected: [['trace', 't']] },
    {
      name: 'with an allow-list, prefixed names on it alone',
      incoming: { 'x-bf-eh-a': '1', 'x-bf-eh-b': '2' },
      client: settings(['a']),
      expected: [['a', '1']],
    },
    { name: 'the list may name the prefix', incoming: { 'x-bf-eh-a': '1' }, client: settings(['x-bf-eh-a']), expected: [['a', '1']] },
    {
      name: 'nothing on the deny-list, allowed or not',
      incoming: { 'x-bf-eh-a': '1', a: '2' },
      client: settings(['a'], ['a']),
      expected: [],
    },
    {
      name: 'nothing of the dialect that is denied',
      incoming: { 'openai-organization': 'o' },
      client: settings([], ['openai-organization']),
      shared: dialect,
      expected: [],
    },
    {
      name: 'nothing that Connection names',
      incoming: { connection: 'close, X-BF-EH-Hop', 'x-bf-eh-hop': '1', 'x-bf-eh-a': '2' },
      expected: [['a', '2']],
    },
    { name: 'no empty name', incoming: { 'x-bf-eh-': '1' }, expected: [] },
    { name: 'no name that is no token', incoming: { 'x-bf-eh-a b': '1', 'x-bf-eh-ä': '2' }, expected: [] },
  ])('$name', ({ incoming, client, shared, expected }) => {
    expect(forward(incoming as unknown as Record<string, string>, client, shared)).toEqual(expected)
  })

  test.each(BLOCKED)('%s never, prefixed or listed or of the dialect', (name) => {
    const shared = { headers: [name] } as unknown as Format
    expect(forward({ [`x-bf-eh-${name}`]: 'v', [name]: 'v' }, settings([name]), shared)).toEqual([])
    expect(isForwardable(name)).toBe(false)
  })

  test('nothing that any provider’s requests are authenticated with', () => {
    const key = { value: 'secret', config: { api_key: 'a', access_key: 'a', secret_key: 's' } } as unknown as KeySettings
    const names = Object.values(authenticators).flatMap((authenticator) => {
      return authenticator.headers(key, { network: {} } as unknown as ProviderSettings).map(([name]) => name)
    })
    expect(names.length).toBeGreaterThan(3)
    expect(names.filter(isForwardable)).toEqual([])
  })

  test.each(['a\r\nb', 'a\nb', 'a\0b', 'Ā', '\x7f'])('no value that could break the line: %j', (value) => {
    expect(forward({ 'x-bf-eh-a': value })).toEqual([])
  })

  test('whatever comes, nothing that goes out can end a header line', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().map((name) => `x-bf-eh-${name.toLowerCase()}`),
          fc.string({ unit: 'binary' }),
        ),
        (incoming) => {
          for (const [name, value] of forward(incoming))
            expect(`${name}: ${value}`).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+: [\t\x20-\x7e\x80-\xff]*$/)
        },
      ),
    )
  })
})

describe('merging', () => {
  test('later lines win, lists are joined without doubles', () => {
    const merged = mergeHeaders(
      [
        [
          ['a', '1'],
          ['anthropic-beta', 'x, y'],
        ],
        [
          ['a', '2'],
          ['anthropic-beta', 'Y,z'],
        ],
      ],
      ['anthropic-beta'],
    )
    expect(merged).toEqual([
      ['a', '2'],
      ['anthropic-beta', 'x,y,z'],
    ])
  })

  test('one list alone stays as it is', () => {
    expect(mergeHeaders([[['anthropic-beta', 'x']]], ['anthropic-beta'])).toEqual([['anthropic-beta', 'x']])
  })
})

describe('what a client is shown of the provider’s headers', () => {
  test('limits and ids, and nothing that may hold a credential', () => {
    const headers: [string, string][] = [
      ['x-ratelimit-remaining-requests', '5'],
      ['retry-after', '2'],
      ['anthropic-ratelimit-tokens-limit', '9'],
      ['request-id', 'r'],
      ['set-cookie', 's'],
      ['x-received-key', 'sk-provider'],
      ['content-length', '3'],
      ['openai-version', 'a\u0100'],
    ]
    expect(shownHeaders(headers, anthropicMessages).map(([name]) => name)).toEqual([
      'x-ratelimit-remaining-requests',
      'retry-after',
      'anthropic-ratelimit-tokens-limit',
      'request-id',
    ])
  })
})
