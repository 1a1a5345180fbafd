import { readFileSync } from 'node:fs'
import type { JsonObject } from '../../../core/canonical/json.ts'

const read = (name: string) => readFileSync(new URL(`../../fixtures/takeover/${name}`, import.meta.url), 'utf8')
const documents = (name: string) => JSON.parse(read(name)) as Record<string, JsonObject>

/** Documents of the original's own databases by collection and id, without ids and times that differ between the two, and the report of either. */
export const FIXTURE = documents('original.json')
export const FIXTURE_REPORT = read('original.report.txt')

/** Documents of the database that a script makes, and its report. */
export const MADE = documents('made.json')
export const MADE_REPORT = read('made.report.txt')
