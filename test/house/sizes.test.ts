import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PRODUCT, ROOT, sourcesOf } from './sources.ts'

const MOST_LINES = 400
/** Data tables and wire types, which may be longer. */
const EXEMPT: readonly string[] = []

test(`source files stop at ${MOST_LINES} lines`, () => {
  const long = sourcesOf([...PRODUCT, 'bench', 'test'])
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ path, lines }) => lines > MOST_LINES && !EXEMPT.includes(path) && !path.endsWith('.test.ts'))
  expect(long).toEqual([])
})

test('functions stop at 60 lines', () => {
  const rule = 'complexity/noExcessiveLinesPerFunction'
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'node_modules/@biomejs/biome/package.json'), 'utf8')) as { bin: { biome: string } }
  const biome = join(ROOT, 'node_modules/@biomejs/biome', bin.biome)
  const { stdout, stderr, status } = spawnSync(process.execPath, [biome, 'lint', `--only=${rule}`, ...PRODUCT, 'bench'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const places = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(rule))
  expect({ places, status }).toEqual({ places: [], status: 0 })
})
