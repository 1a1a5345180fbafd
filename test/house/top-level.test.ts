import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './sources.ts'

const HOUSE = ['README.md', 'package.json', 'tsconfig.json', 'core', 'plugins', 'providers', 'transports', 'bench', 'test']
const BESIDE = ['LICENSE', 'CHANGELOG.md', 'Dockerfile', 'package-lock.json']
/** Made by tools, and kept out of git. */
const MADE = ['node_modules', 'dist', 'data', 'coverage']

test('nothing stands at the top that house.md does not name', () => {
  const found = readdirSync(ROOT).filter((name) => !name.startsWith('.') && !name.endsWith('.log'))
  const allowed = new Set([...HOUSE, ...BESIDE, ...MADE])
  expect(found.filter((name) => !allowed.has(name))).toEqual([])
})

test('no dependency asks for an install script', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean; dev?: boolean }>
  }
  const scripts = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript && !entry.dev)
  expect(scripts.map(([name]) => name)).toEqual([])
})

test('versions of dependencies are exact', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const all = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) => Object.entries(manifest[kind] ?? {}))
  expect(all.filter(([, version]) => !/^(?:npm:.+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([])
})
