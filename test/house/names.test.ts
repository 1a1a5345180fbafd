import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { PRODUCT, ROOT, sourcesOf, withoutComments } from './sources.ts'

test('files and folders are named in kebab-case', () => {
  const named = (path: string) =>
    path.split('/').every((step) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(step.replace(/(?:\.(?:test|test-d|bench|config|d))?\.ts$/, '')))
  const wrong = sourcesOf([...PRODUCT, 'bench', 'test']).filter(({ path }) => !named(path))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('the name of a provider or plugin does not appear in core or transports/http', async () => {
  const plugins = readdirSync(join(ROOT, 'plugins'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const providers: Record<string, unknown> = await import('../../providers/index.ts')
  const names = new Set([...plugins.map((entry) => entry.name), ...Object.values(providers).flatMap(namesIn)])
  expect(names.size).toBeGreaterThan(0)
  const wrong = sourcesOf(['core', 'transports/http']).flatMap(({ path, text }) => {
    const literals = withoutComments(text).matchAll(/'([^'\\\n]*)'|"([^"\\\n]*)"/g)
    return [...literals]
      .filter(([, single, double]) => names.has((single ?? double ?? '').split('/')[0] ?? ''))
      .map(([literal]) => `${path}: ${literal}`)
  })
  expect(wrong).toEqual([])
})

/** Names of the entries in a list of providers. */
function namesIn(value: unknown): string[] {
  const entries = Array.isArray(value) ? value : []
  return entries.flatMap((entry: { name?: unknown; paths?: unknown }) =>
    typeof entry?.name === 'string' && entry.paths ? [entry.name] : [],
  )
}

test('the sources hold no loose ends', () => {
  // Put together from halves, so that this file does not find itself.
  const loose = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'console\\.' + 'log', 'debug' + 'ger'].map((word) => `\\b${word}\\b`).join('|'),
  )
  const found = sourcesOf([...PRODUCT, 'bench', 'test']).filter(({ path, text }) => basename(path) !== 'names.test.ts' && loose.test(text))
  expect(found.map(({ path }) => path)).toEqual([])
})
