import { readFileSync, writeFileSync } from 'node:fs'
import { startMatrixGateway } from './gateway.ts'
import { renderMatrix, runMatrix } from './matrix.ts'

const README = new URL('../../providers/README.md', import.meta.url)
const PLACE = /(?<=<!-- matrix -->\n).*?(?=<!-- \/matrix -->)/s

const behind = await startMatrixGateway()
const cells = await runMatrix(behind)
await behind.close()
const wrong = cells.filter(({ outcome }) => outcome === 'wrong')
for (const { client, provider, name, isStream, note } of wrong)
  process.stderr.write(`${client} -> ${provider}, ${name}, ${isStream ? 'streamed' : 'whole'}: ${note}\n`)
writeFileSync(
  README,
  readFileSync(README, 'utf8').replace(PLACE, () => `${renderMatrix(cells)}\n`),
)
process.exitCode = wrong.length > 0 ? 1 : 0
