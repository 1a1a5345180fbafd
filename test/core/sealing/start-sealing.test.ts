import { expect, test } from 'vitest'
import type { Log } from '../../../core/log.ts'
import { rotateKey } from '../../../core/sealing/rotate.ts'
import { type Sealing, startSealing } from '../../../core/sealing/start-sealing.ts'
import { ROTATION_OVERLAP_MS } from '../../../core/sealing/sweep.ts'
import { manualClock } from '../../helpers/clock.ts'
import { memoryLog } from '../../helpers/plugins.ts'
import { type WatchedStore, watchedStore } from '../../helpers/watched-store.ts'

const cost = { memory_kib: 8, passes: 1, lanes: 1 }
const T0 = Date.UTC(2026, 0, 1)

async function begin(raw: WatchedStore, passphrase: string | undefined, at = T0) {
  const log = memoryLog()
  const clock = manualClock()
  const started = clock.now()
  const now = () => at + clock.now() - started
  const sealing: Sealing = await startSealing(raw, { passphrase, log: log as unknown as Log, clock, now, cost })
  await sealing.firstSweep
  return { ...sealing, log, clock }
}

async function filled(): Promise<WatchedStore> {
  const store = watchedStore()
  await store.write('keys', 'k', { name: 'k', value: 'CANARY' }, { version: 0 })
  return store
}

const dump = async (store: WatchedStore) => JSON.stringify(await store.all())
/** Lets what a timer began end. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

test('without a key there is one warning, and everything stays as it is', async () => {
  const raw = await filled()
  const { log, store } = await begin(raw, undefined)
  expect(log.lines.map(({ level }) => level)).toEqual(['warn'])
  expect((await store.read('keys', 'k'))?.body?.value).toBe('CANARY')
  expect(await raw.read('meta', 'keyring')).toBeUndefined()
})

test('when a key appears, what is plain is sealed in the background', async () => {
  const raw = await filled()
  const { log, store } = await begin(raw, 'key')
  expect(await dump(raw)).not.toContain('CANARY')
  expect((await store.read('keys', 'k'))?.body?.value).toBe('CANARY')
  expect(log.lines).toMatchObject([{ level: 'info', facts: { documents: 1 } }])
})

test('after a rotation the older key goes a minute later, and the timer with it', async () => {
  const raw = await filled()
  await begin(raw, 'one')
  await rotateKey(raw, { from: 'one', to: 'two', now: T0, cost })
  const { clock, store } = await begin(raw, 'two')
  const keys = async () => ((await raw.read('meta', 'keyring'))!.body!.keys as unknown[]).length
  expect(await keys()).toBe(2)
  clock.advance(ROTATION_OVERLAP_MS)
  await settle()
  expect(await keys()).toBe(1)
  const writes = raw.writes
  clock.advance(ROTATION_OVERLAP_MS * 10)
  await settle()
  expect(raw.writes).toBe(writes)
  expect((await store.read('keys', 'k'))?.body?.value).toBe('CANARY')
})

test('a store that fails meanwhile is swept again later; a stop ends that', async () => {
  const raw = await filled()
  raw.onWrite = (count) => {
    if (count === 3) throw new Error('lost')
  }
  const { clock, log } = await begin(raw, 'key')
  expect(log.lines).toMatchObject([{ level: 'warn' }])
  clock.advance(ROTATION_OVERLAP_MS)
  await settle()
  expect(await dump(raw)).not.toContain('CANARY')

  const other = await filled()
  other.onWrite = (count) => {
    if (count === 3) throw new Error('lost')
  }
  const stopped = await begin(other, 'key')
  stopped.stop()
  stopped.clock.advance(ROTATION_OVERLAP_MS)
  await settle()
  expect(await dump(other)).toContain('CANARY')
})

test('a gateway that was cut off while its key was dropped writes nothing that others could not read', async () => {
  const raw = await filled()
  const cutOff = await begin(raw, 'one')
  await rotateKey(raw, { from: 'one', to: 'two', now: T0, cost })
  await begin(raw, 'two', T0 + ROTATION_OVERLAP_MS)
  const writes = raw.writes
  await expect(cutOff.store.write('keys', 'new', { name: 'new', value: 'x' }, { version: 0 })).rejects.toMatchObject({
    fault: 'unknown-key',
  })
  expect(raw.writes).toBe(writes)
})

test('a gateway without a key writes nothing in the open into a store that others have sealed', async () => {
  const raw = await filled()
  const keyless = await begin(raw, undefined)
  await begin(raw, 'key')
  await expect(keyless.store.write('keys', 'new', { name: 'new', value: 'x' }, { version: 0 })).rejects.toMatchObject({ fault: 'no-key' })
})
