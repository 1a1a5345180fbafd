import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { COLLECTIONS, configStoreConformance } from '../../conformance/store.ts'
import { openedConfig } from '../../helpers/stores.ts'

const root = mkdtempSync(join(tmpdir(), 'bifrost-sqlite-'))
afterAll(() => rmSync(root, { recursive: true }))

configStoreConformance({
  name: 'SQLite',
  async newPlace() {
    const folder = mkdtempSync(join(root, 'place-'))
    let now = Date.now()
    return {
      open: () => openedConfig(sqliteDriver, {}, { folder, collections: COLLECTIONS, now: () => now }),
      pass(ms) {
        now += ms
      },
    }
  },
})
