import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { CONFIG_COLLECTIONS, SETTINGS_BLOCKS } from '../../../core/config/collections.ts'
import { openText, sealedBy, sealText } from '../../../core/sealing/sealed-text.ts'
import { createSealer, type DataKeys, virtualKeyHash } from '../../../core/sealing/sealer.ts'
import { SealingError } from '../../../core/sealing/sealing-error.ts'

const key = { id: '0123456789abcdef', key: createSecretKey(randomBytes(32)) }
const keys: DataKeys = { current: key.id, byId: new Map([[key.id, key.key]]) }
const sealer = createSealer(keys)
const CANARY = 'CANARY-5f1c'

/** One document of every collection that has secrets, each secret field holding a canary. */
const DOCUMENTS: readonly (readonly [collection: string, id: string, body: JsonObject])[] = [
  ...CONFIG_COLLECTIONS.filter(({ secrets }) => secrets).map(({ name, secrets }) => [name, 'one', bodyWith(secrets ?? [])] as const),
  ...Object.entries(SETTINGS_BLOCKS).flatMap(([id, { secrets }]) => (secrets ? [['settings', id, bodyWith(secrets)] as const] : [])),
]

function bodyWith(secrets: readonly string[]): JsonObject {
  const body: JsonObject = { name: 'plain', kept: [1, null, { a: 'b' }] }
  for (const path of secrets) {
    const steps = path.split('.').map((step) => (step === '*' ? 'x-any' : step))
    let node = body
    for (const step of steps.slice(0, -1)) {
      node[step] ??= {}
      node = node[step] as JsonObject
    }
    node[steps.at(-1) as string] = CANARY
  }
  return body
}

test.each(DOCUMENTS)('%s %s: sealed whole, opens to what it was, no secret in between', (collection, id, body) => {
  const sealed = sealer.sealBody(collection, id, body)
  expect(JSON.stringify(sealed)).not.toContain(CANARY)
  expect(sealed).toMatchObject({ name: 'plain', kept: [1, null, { a: 'b' }] })
  expect(sealer.openBody(collection, id, sealed)).toEqual(body)
  expect(sealer.isStale(collection, id, sealed)).toBe(false)
  expect(sealer.isStale(collection, id, body)).toBe(true)
})

test('there are documents to try', () => {
  expect(DOCUMENTS.map(([collection, id]) => `${collection}/${id}`)).toEqual([
    'providers/one',
    'keys/one',
    'plugins/one',
    'virtual_keys/one',
    'mcp_clients/one',
    'oauth_configs/one',
    'settings/client',
    'settings/proxy_config',
    'settings/auth_config',
  ])
})

test('any text, object and list of secrets comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json))),
      fc.dictionary(fc.string(), fc.string()),
      (value, config, headers) => {
        const plugin = { name: 'p', config } as JsonObject
        expect(sealer.openBody('plugins', 'p', sealer.sealBody('plugins', 'p', plugin))).toEqual(plugin)
        const client: JsonObject = { headers, stdio_config: { envs: [value, 'b'] } }
        expect(sealer.openBody('mcp_clients', 'm', sealer.sealBody('mcp_clients', 'm', client))).toEqual(client)
      },
    ),
  )
})

test('env.NAME, empty and missing values are no secrets', () => {
  const body = { value: 'env.OPENAI_API_KEY', azure_key_config: { client_secret: '' }, bedrock_key_config: { access_key: null } }
  expect(sealer.sealBody('keys', 'k', body)).toEqual(body)
  expect(sealer.sealBody('keys', 'k', { value: 'env.not a name' })).not.toEqual({ value: 'env.not a name' })
})

test('a secret that reads like a sealed text is sealed like any other', () => {
  const stolen = sealer.sealBody('keys', 'a', { value: 'secret' }).value as string
  const again = sealer.sealBody('keys', 'b', { value: stolen })
  expect(sealer.openBody('keys', 'b', again)).toEqual({ value: stolen })
  expect(() => createSealer(undefined).sealBody('keys', 'b', { value: stolen })).toThrow(/keys "b", field value looks like a sealed text/)
})

test('the same secret never seals to the same text', () => {
  const texts = Array.from({ length: 1000 }, () => sealText('same', key, ['a']))
  expect(new Set(texts).size).toBe(1000)
  expect(
    new Set(
      texts.map((text) =>
        Buffer.from(text.split(':')[3] ?? '', 'base64url')
          .subarray(0, 12)
          .toString('hex'),
      ),
    ).size,
  ).toBe(1000)
})

test('a sealed text opens at no other field, row or collection', () => {
  const place = fc.array(fc.string(), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.string(), place, place, (text, here, there) => {
      fc.pre(JSON.stringify(here) !== JSON.stringify(there))
      const sealed = sealText(text, key, here)
      expect(openText(sealed, key.key, here)).toBe(text)
      expect(openText(sealed, key.key, there)).toBeUndefined()
    }),
  )
  const sealed = sealer.sealBody('keys', 'a', { value: 'secret' })
  expect(() => sealer.openBody('keys', 'b', sealed)).toThrow('keys "b", field value cannot be opened')
  expect(() => sealer.openBody('virtual_keys', 'a', sealed)).toThrow('virtual_keys "a", field value cannot be opened')
  const moved = { bedrock_key_config: { secret_key: sealed.value } }
  expect(() => sealer.openBody('keys', 'a', moved)).toThrow('field bedrock_key_config.secret_key cannot be opened')
})

test('every flipped bit is found, and the error holds no secret', () => {
  const sealed = sealText(JSON.stringify(CANARY), key, ['keys', 'a', 'value'])
  const head = sealed.slice(0, sealed.lastIndexOf(':') + 1)
  const bytes = Buffer.from(sealed.slice(head.length), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const forged = Buffer.from(bytes)
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const error = failure(() => sealer.openBody('keys', 'a', { value: head + forged.toString('base64url') }))
    expect(error).toMatchObject({ fault: 'corrupt' })
    expect(`${error.message}${error.stack}${String(error.cause)}`).not.toContain(CANARY)
  }
})

test('every changed character of a sealed text is refused or read as plain', () => {
  const sealed = sealText('secret', key, ['a'])
  for (let at = 0; at < sealed.length; at += 1) {
    const forged = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
    expect(sealedBy(forged) === key.id ? openText(forged, key.key, ['a']) : undefined).toBeUndefined()
  }
})

test('cut short, it is refused', () => {
  const sealed = sealText('secret', key, ['a'])
  for (let length = 0; length < sealed.length; length += 1) expect(openText(sealed.slice(0, length), key.key, ['a'])).toBeUndefined()
})

test('plain and sealed secrets stand side by side', () => {
  const mixed = { value: sealer.sealBody('keys', 'a', { value: 'x' }).value, azure_key_config: { client_secret: 'y' } } as JsonObject
  expect(sealer.openBody('keys', 'a', mixed)).toEqual({ value: 'x', azure_key_config: { client_secret: 'y' } })
  expect(sealer.isStale('keys', 'a', mixed)).toBe(true)
})

test('without a key bodies stay as they are, and sealed ones are refused', () => {
  const plain = createSealer(undefined)
  expect(plain.sealBody('keys', 'a', { value: 'x' })).toEqual({ value: 'x' })
  expect(failure(() => plain.openBody('keys', 'a', sealer.sealBody('keys', 'a', { value: 'x' })))).toMatchObject({
    fault: 'no-key',
    exitCode: 78,
  })
})

test('a virtual key is found by SHA-256 in hex', () => {
  expect(virtualKeyHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

function failure(run: () => unknown): SealingError {
  try {
    run()
  } catch (error) {
    if (error instanceof SealingError) return error
  }
  throw new Error('did not fail by a SealingError')
}
