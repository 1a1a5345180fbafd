import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONFIG_COLLECTIONS } from '../../../core/config/collections.ts'
import { openSealing } from '../../../core/sealing/open-sealing.ts'
import { sweepSecrets } from '../../../core/sealing/sweep.ts'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { openedConfig } from '../../helpers/stores.ts'

test('the file and its log are for their owner alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bifrost-mode-'))
  const store = await openedConfig(sqliteDriver, {}, { folder, collections: CONFIG_COLLECTIONS })
  await store.write('keys', 'k', { name: 'k', value: 'x' }, { version: 0 })
  const names = await readdir(folder)
  expect(names).toContain('bifrost.db-wal')
  for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  await store.close()
  await rm(folder, { recursive: true })
})

test('secrets that were plain are on no page of the file once they are sealed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bifrost-sealed-'))
  const bytes = async () => (await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'latin1')))).join('')
  const plain = await openedConfig(sqliteDriver, {}, { folder, collections: CONFIG_COLLECTIONS })
  for (let index = 0; index < 300; index += 1) {
    const secret = `CANARY-${index}-`.padEnd(20 + ((index * 37) % 9000), 'x')
    await plain.write('keys', `k${index}`, { name: `k${index}`, value: secret }, { version: 0 })
  }
  await plain.close()
  expect(await bytes()).toContain('CANARY-7-')
  const store = await openedConfig(sqliteDriver, {}, { folder, collections: CONFIG_COLLECTIONS })
  const sealing = { passphrase: 'key', now: Date.now(), cost: { memory_kib: 8, passes: 1, lanes: 1 } }
  expect(await sweepSecrets(store, await openSealing(store, sealing), Date.now())).toMatchObject({ sealed: 300, left: 0 })
  await store.close()
  expect(await bytes()).not.toContain('CANARY')
  await rm(folder, { recursive: true })
})
