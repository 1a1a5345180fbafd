import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { sqliteDriver } from '../../../plugins/sqlite/index.ts'
import { keyValueConformance } from '../../conformance/store-values.ts'
import { openedKeyValue } from '../../helpers/stores.ts'

const root = mkdtempSync(join(tmpdir(), 'bifrost-sqlite-'))
afterAll(() => rmSync(root, { recursive: true }))

keyValueConformance({
  name: 'SQLite',
  async newPlace() {
    const folder = mkdtempSync(join(root, 'place-'))
    let now = Date.now()
    return {
      open: () => openedKeyValue(sqliteDriver, {}, { folder, now: () => now }),
      async pass(ms) {
        now += ms
      },
      shortMs: 1000,
    }
  },
})
