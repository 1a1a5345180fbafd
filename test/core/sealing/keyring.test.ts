import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { openSealing } from '../../../core/sealing/open-sealing.ts'
import { passphraseKey } from '../../../core/sealing/passphrase.ts'
import { rotateKey } from '../../../core/sealing/rotate.ts'
import { sealStore } from '../../../core/sealing/sealed-store.ts'
import { ROTATION_OVERLAP_MS, sweepSecrets } from '../../../core/sealing/sweep.ts'
import { type WatchedStore, watchedStore } from '../../helpers/watched-store.ts'

const NOW = Date.UTC(2026, 0, 1)
/** The least that Argon2id takes: what a passphrase costs is not what is tested here. */
const cost = { memory_kib: 8, passes: 1, lanes: 1 }
const open = (store: WatchedStore, passphrase: string | undefined) => openSealing(store, { passphrase, now: NOW, cost })

async function filled(count: number): Promise<WatchedStore> {
  const store = watchedStore()
  for (let index = 0; index < count; index += 1) {
    await store.write('keys', `k${index}`, { name: `k${index}`, value: `CANARY-${index}` }, { version: 0 })
  }
  return store
}

const dump = async (store: WatchedStore) => JSON.stringify(await store.all())

async function values(store: WatchedStore, passphrase: string | undefined): Promise<unknown[]> {
  const opened = sealStore(store, await open(store, passphrase))
  const page = await opened.readPage(undefined, 1000)
  return page.filter(({ collection }) => collection === 'keys').map(({ body }) => body?.value)
}

const expected = (count: number) => Array.from({ length: count }, (_, index) => `CANARY-${index}`).sort()

test('Argon2id is the standard one, and the thread is not held', async () => {
  // One of the reference implementation's own test vectors.
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  const key = await passphraseKey('password', Buffer.from('somesalt'), { memory_kib: 65_536, passes: 2, lanes: 1 })
  clearInterval(watch)
  expect(key.export().toString('hex')).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7')
  expect(longest).toBeLessThan(500)
})

test('a key that appears makes a keyring; plain rows are sealed, and none is left in the store', async () => {
  const store = await filled(5)
  const sealer = await open(store, 'first')
  expect(await values(store, 'first')).toEqual(expected(5))
  expect(await sweepSecrets(store, sealer, NOW)).toEqual({ sealed: 5, left: 0, againInMs: undefined })
  expect(await dump(store)).not.toContain('CANARY')
  expect(await values(store, 'first')).toEqual(expected(5))
  expect(await sweepSecrets(store, sealer, NOW)).toEqual({ sealed: 0, left: 0, againInMs: undefined })
})

test('D19: another key refuses, and so does none; the sentence says what to do and holds no secret', async () => {
  const store = await filled(1)
  await open(store, 'first-CANARY')
  await expect(open(store, 'second-CANARY')).rejects.toMatchObject({
    fault: 'wrong-key',
    exitCode: 78,
    message: 'the store was sealed under another encryption_key; set the one it was made with, or change it by "bifrost keys rotate"',
  })
  await expect(open(store, undefined)).rejects.toMatchObject({ fault: 'no-key', exitCode: 78 })
  await expect(open(store, '')).rejects.toMatchObject({ fault: 'no-key' })
})

test('a damaged keyring is told from a wrong key', async () => {
  const store = await filled(1)
  await open(store, 'first')
  const stored = (await store.read('meta', 'keyring'))!
  const keyring = structuredClone(stored.body) as { keys: { sealed: string }[] }
  keyring.keys[0]!.sealed = `AAAA${keyring.keys[0]!.sealed.slice(4)}`
  const { version } = await store.write('meta', 'keyring', keyring as unknown as JsonObject, stored)
  await expect(open(store, 'first')).rejects.toMatchObject({ fault: 'corrupt' })
  await store.write('meta', 'keyring', { kdf: 'none' }, { version })
  await expect(open(store, 'first')).rejects.toMatchObject({ fault: 'corrupt' })
})

test('two processes that make the keyring at once share one', async () => {
  const store = watchedStore()
  const [one, two] = await Promise.all([open(store, 'first'), open(store, 'first')])
  expect(one.keys?.current).toBe(two.keys?.current)
})

test('what goes through the sealed store is plain on this side alone', async () => {
  const raw = watchedStore()
  const store = sealStore(raw, await open(raw, 'first'))
  const written = await store.write('keys', 'k', { name: 'k', value: 'CANARY' }, { version: 0 })
  expect(written.body).toEqual({ name: 'k', value: 'CANARY' })
  expect(await dump(raw)).not.toContain('CANARY')
  expect((await store.read('keys', 'k'))?.body).toEqual({ name: 'k', value: 'CANARY' })
  expect((await store.changesSince(0)).map(({ id }) => id)).toEqual(['keyring', 'k'])
  expect((await store.remove('keys', 'k', { version: 1 })).body).toBeUndefined()
})

test('a rotation changes the passphrase and the data key, and the old one opens nothing', async () => {
  const store = await filled(3)
  await sweepSecrets(store, await open(store, 'first'), NOW)
  const before = await dump(store)
  const later = NOW + 1000
  const swept = await rotateKey(store, { from: 'first', to: 'second', now: later, cost })
  expect(swept).toEqual({ sealed: 3, left: 0, againInMs: ROTATION_OVERLAP_MS })
  expect(await values(store, 'second')).toEqual(expected(3))
  await expect(open(store, 'first')).rejects.toMatchObject({ fault: 'wrong-key' })
  expect(await dump(store)).not.toBe(before)
  expect(await sweepSecrets(store, await open(store, 'second'), later + ROTATION_OVERLAP_MS)).toMatchObject({ againInMs: undefined })
  const { body } = (await store.read('meta', 'keyring'))!
  expect(body?.keys).toHaveLength(1)
  expect(JSON.stringify(body)).not.toContain('bridge')
  expect(await values(store, 'second')).toEqual(expected(3))
})

test('a gateway under the old key follows a rotation, over several, reading and writing', async () => {
  const raw = await filled(2)
  const running = sealStore(raw, await open(raw, 'first'))
  await rotateKey(raw, { from: 'first', to: 'second', now: NOW, cost })
  await rotateKey(raw, { from: 'second', to: 'third', now: NOW + 1, cost })
  expect((await running.read('keys', 'k1'))?.body?.value).toBe('CANARY-1')
  await running.write('keys', 'new', { name: 'new', value: 'CANARY-new' }, { version: 0 })
  expect(await values(raw, 'third')).toEqual([...expected(2), 'CANARY-new'])
  expect(await sweepSecrets(raw, await open(raw, 'third'), NOW)).toMatchObject({ sealed: 0 })
})

test('it also follows by the change alone, before it meets a text of the new key', async () => {
  const raw = await filled(0)
  const sealer = await open(raw, 'first')
  const running = sealStore(raw, sealer)
  await rotateKey(raw, { from: 'first', to: 'second', now: NOW, cost })
  await running.changesSince(1)
  const keyring = (await raw.read('meta', 'keyring'))?.body
  expect(sealer.keys?.current).toBe(keyring?.current)
})

test('a gateway that was cut off while its key was dropped writes nothing that others could not read', async () => {
  const raw = await filled(1)
  const cutOff = sealStore(raw, await open(raw, 'first'))
  await rotateKey(raw, { from: 'first', to: 'second', now: NOW, cost })
  await sweepSecrets(raw, await open(raw, 'second'), NOW + ROTATION_OVERLAP_MS)
  const { writes } = raw
  await expect(cutOff.write('keys', 'new', { name: 'new', value: 'x' }, { version: 0 })).rejects.toMatchObject({ fault: 'unknown-key' })
  expect(raw.writes).toBe(writes)
})

test('a gateway without a key writes nothing in the open into a store that others have sealed', async () => {
  const raw = await filled(1)
  const keyless = sealStore(raw, await open(raw, undefined))
  expect((await keyless.read('keys', 'k0'))?.body?.value).toBe('CANARY-0')
  await open(raw, 'first')
  await expect(keyless.write('keys', 'new', { name: 'new', value: 'x' }, { version: 0 })).rejects.toMatchObject({ fault: 'no-key' })
})

test('killed at any write of a sealing or a rotation and run again, it ends the same', async () => {
  for (let kill = 1; ; kill += 1) {
    const store = await filled(3)
    const from = store.writes
    store.onWrite = (count) => {
      if (count - from === kill) throw new Error('killed')
    }
    const run = async () => {
      const sealer = await open(store, 'first').catch(ignoreWrongKey)
      if (sealer) await sweepSecrets(store, sealer, NOW)
      await rotateKey(store, { from: 'first', to: 'second', now: NOW, cost })
    }
    const wasKilled = await run().then(
      () => false,
      () => true,
    )
    // Whatever has happened by now can be read under the one key or the other, or the rows are still plain.
    const passphrase = await readable(store)
    if (wasKilled) await run()
    expect(await values(store, 'second')).toEqual(expected(3))
    expect(await dump(store)).not.toContain('CANARY')
    if (!wasKilled) {
      expect(kill).toBeGreaterThan(8)
      break
    }
    expect(passphrase).toBeDefined()
  }
})

/** Of what lies in the store now, in a store of its own. */
async function readable(killed: WatchedStore): Promise<string | undefined> {
  for (const passphrase of ['first', 'second']) {
    const store = watchedStore()
    for (const { collection, id, body } of await killed.all()) await store.write(collection, id, body!, { version: 0 })
    const read = await values(store, passphrase).catch(() => undefined)
    if (read) {
      expect(read).toEqual(expected(3))
      return passphrase
    }
  }
  return undefined
}

function ignoreWrongKey(error: { fault?: string }): undefined {
  if (error.fault !== 'wrong-key') throw error
  return undefined
}

test('a row that others write meanwhile is sealed as they left it, and one that never rests is left', async () => {
  const store = await filled(1)
  const sealer = await open(store, 'first')
  const rival = async (value: string) => {
    const stored = (await store.read('keys', 'k0'))!
    await store.inner.write('keys', 'k0', { name: 'k0', value }, stored)
  }
  store.onWrite = (count) => (count === 3 ? rival('CANARY-new') : undefined)
  expect(await sweepSecrets(store, sealer, NOW)).toMatchObject({ sealed: 1, left: 0 })
  expect(await values(store, 'first')).toEqual(['CANARY-new'])
  store.onWrite = () => rival('plain')
  await rival('plain')
  expect(await sweepSecrets(store, sealer, NOW)).toMatchObject({ sealed: 0, left: 1, againInMs: ROTATION_OVERLAP_MS })
})

test('a rotation refuses what cannot be', async () => {
  const store = await filled(1)
  await expect(rotateKey(store, { from: 'a', to: 'b', now: NOW })).rejects.toThrow('nothing in the store is sealed yet')
  await open(store, 'a')
  await expect(rotateKey(store, { from: 'a', to: 'a', now: NOW })).rejects.toThrow('the new key is the old one')
  await expect(rotateKey(store, { from: 'a', to: '', now: NOW })).rejects.toThrow('the new key is empty')
  await expect(rotateKey(store, { from: 'x', to: 'b', now: NOW })).rejects.toMatchObject({ fault: 'wrong-key' })
})
