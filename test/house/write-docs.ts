import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './sources.ts'
import { TABLES, withTables } from './tables.ts'

// `npm run docs`: makes the tables of the pages anew.
for (const page of Object.keys(TABLES)) writeFileSync(join(ROOT, page), withTables(page))
