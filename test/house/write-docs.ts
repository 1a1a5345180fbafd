import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './sources.ts'
import { withTables } from './tables.ts'

// `npm run docs`: makes the tables of core/README.md anew.
const path = join(ROOT, 'core/README.md')
writeFileSync(path, withTables(readFileSync(path, 'utf8')))
