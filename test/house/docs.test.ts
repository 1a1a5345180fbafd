import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PRODUCT, ROOT, sourcesOf } from './sources.ts'
import { TABLES, withTables } from './tables.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

test.each(Object.keys(TABLES))('the tables of %s are those of the code (npm run docs makes them)', (page) => {
  expect(read(page)).toBe(withTables(page))
})

test('every exported name has a sentence', () => {
  const exported = /^export (?:declare |abstract |async )*(?:const|function\*?|class|interface|type) (\w+)/
  const bare = sourcesOf(PRODUCT).flatMap(({ path, text }) => {
    const lines = text.split('\n')
    return lines.flatMap((line, index) => {
      const name = exported.exec(line)?.[1]
      let above = index - 1
      while (lines[above]?.startsWith('// biome-ignore')) above -= 1
      return name && !lines[above]?.trimEnd().endsWith('*/') ? [`${path}: ${name}`] : []
    })
  })
  expect(bare).toEqual([])
})

test('the changelog names the version of package.json', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  expect(read('CHANGELOG.md')).toContain(`## ${version}`)
})

test('the folders say what lives in them', () => {
  expect(PRODUCT.filter((folder) => !existsSync(join(ROOT, folder, 'README.md')))).toEqual([])
})

test('decisions are numbered without gaps', () => {
  const names = readdirSync(join(ROOT, 'core/decisions')).filter((name) => name !== 'README.md')
  const numbers = names.map((name) => Number(name.slice(0, 4)))
  expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1))
})

test.skipIf(!existsSync(join(ROOT, 'README.md')))('documents name only npm scripts and files that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const pages = ['README.md', ...PRODUCT.map((folder) => `${folder}/README.md`), 'bench/README.md'].filter((page) =>
    existsSync(join(ROOT, page)),
  )
  const wrong = pages.flatMap((page) => {
    const named = [...read(page).matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(([, run, short]) => run ?? short ?? '')
    const linked = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map(([, target = '']) => target)
    return [
      ...named.filter((name) => !scripts[name]).map((name) => `${page}: npm run ${name}`),
      ...linked.filter((target) => !existsSync(join(ROOT, page, '..', target))).map((target) => `${page}: ${target}`),
    ]
  })
  expect(wrong).toEqual([])
})
