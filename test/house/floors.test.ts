import { expect, test } from 'vitest'
import { type Import, importsOf, PRODUCT, type Source, sourcesOf } from './sources.ts'

/** The files that put the parts together; nothing else may know every folder. */
const ASSEMBLERS = ['transports/main.ts', 'transports/testing.ts', 'transports/cli.ts']

/** What files may import of ours: the first row whose pattern fits rules. `$1` is what the pattern's group matched. */
const FLOORS: readonly (readonly [file: RegExp, may: readonly string[], rule: string])[] = [
  [
    /^core\/(?:canonical\/.*|errors\.ts|fold\.ts)/,
    ['core/canonical/', 'core/errors.ts', 'core/fold.ts'],
    'floor 0 imports nothing else in the repository',
  ],
  [/^core\//, ['core/'], 'core imports core alone: names travel up as strings, objects come down as arguments'],
  [/^plugins\/[^/]+\.ts$/, ['core/', 'plugins/'], 'the lists of plugins import plugins and core'],
  [
    /^plugins\/([^/]+)\//,
    ['core/', 'plugins/$1/'],
    'a plugin imports core and its own folder, never another plugin, provider or transport',
  ],
  [/^providers\/formats\/index\.ts$/, ['core/', 'providers/formats/'], 'the list of formats imports formats and core'],
  [/^providers\/formats\/([^/]+)\//, ['core/', 'providers/formats/shared/', 'providers/formats/$1/'], 'a format never imports a format'],
  [/^providers\/auth\//, ['core/', 'providers/auth/'], 'an authentication kind imports core alone'],
  [
    /^providers\//,
    ['core/', 'providers/auth/', 'providers/formats/shared/', 'providers/*.ts'],
    'a provider is an entry over a format, which it names by a string',
  ],
  [/^transports\//, ['core/', 'transports/'], 'transports import core; only main.ts, testing.ts and cli.ts know every folder'],
]

/** Third-party packages by floor. */
const PACKAGES: readonly (readonly [file: RegExp, may: readonly string[]])[] = [
  [/^core\/(?:canonical\/.*|errors\.ts|fold\.ts)/, []],
  [/^core\/upstream\//, []],
  [/^core\/sealing\//, ['zod', '@noble/hashes']],
  [/^core\/takeover\//, ['pg']],
  [/^core\/config\/rules\//, ['@bufbuild/cel']],
  [/^core\//, ['tapable', 'zod', 'pino', 'piscina', 'undici']],
  [/^plugins\/mongo\//, ['mongodb', 'zod']],
  [/^plugins\/redis\//, ['ioredis', 'zod']],
  [/^providers\/auth\//, ['zod', '@smithy/signature-v4', '@aws-sdk/credential-providers', 'google-auth-library', '@azure/identity']],
  [/^(?:plugins|providers)\//, ['zod']],
  [/^transports\//, ['uWebSockets.js', 'pino', 'piscina', 'zod']],
]

const sources = sourcesOf(PRODUCT)

function ownBreaches(source: Source): string[] {
  if (ASSEMBLERS.includes(source.path)) return []
  const floor = FLOORS.find(([file]) => file.test(source.path))
  if (!floor) return [`${source.path}: no floor of house.md section 2 covers it`]
  const [file, may, rule] = floor
  const own = file.exec(source.path)?.[1] ?? ''
  const allowed = may.map((prefix) => prefix.replace('$1', own))
  return importsOf(source)
    .filter((each) => each.isOwn && !allowed.some((prefix) => isUnder(each.target, prefix)))
    .map((each) => `${source.path} imports ${each.target}: ${rule}`)
}

function isUnder(path: string, prefix: string): boolean {
  if (!prefix.endsWith('*.ts')) return path.startsWith(prefix)
  return path.startsWith(prefix.slice(0, -4)) && !path.slice(prefix.length - 4).includes('/')
}

function packageBreaches(source: Source): string[] {
  const may = PACKAGES.find(([file]) => file.test(source.path))?.[1] ?? []
  return importsOf(source)
    .filter(
      (each) =>
        !each.isOwn && !each.target.startsWith('node:') && !may.some((name) => each.target === name || each.target.startsWith(`${name}/`)),
    )
    .map((each) => `${source.path} imports ${each.target}; its floor may import ${['node:*', ...may].join(', ')}`)
}

test('imports run down the floors', () => {
  expect(sources.flatMap(ownBreaches)).toEqual([])
})

test('third-party packages stay on their floor', () => {
  expect(sources.flatMap(packageBreaches)).toEqual([])
})

test('nothing imports the entry of the threads', () => {
  const all = sourcesOf([...PRODUCT, 'bench'])
  expect(
    all.filter((source) => importsOf(source).some((each) => each.target === 'transports/main.ts')).map((source) => source.path),
  ).toEqual([])
})

test('the product imports neither tests nor benchmarks', () => {
  const isOutside = (each: Import) => each.isOwn && /^(?:test|bench)\//.test(each.target)
  expect(sources.filter((source) => importsOf(source).some(isOutside)).map((source) => source.path)).toEqual([])
})

test('there is no cycle of value imports', () => {
  const graph = new Map(
    sourcesOf([...PRODUCT, 'bench']).map((source) => [
      source.path,
      importsOf(source)
        .filter((each) => each.isOwn && each.isValue)
        .map((each) => each.target),
    ]),
  )
  expect(cyclesOf(graph)).toEqual([])
})

/** Each cycle once, from the file at which the walk entered it. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || done.has(file)) return
    for (const target of graph.get(file) ?? []) walk(target, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) walk(file, [])
  return cycles
}

test('the rules see what they should', () => {
  const text = `import type { A } from './a.ts'\nimport {\n  b,\n} from '../b.ts'\nimport 'c'\nexport * from './d.ts'\n// import './no.ts'\nconst e = await import('./e.ts')\nlet f: import('./f.ts').F`
  expect(importsOf({ path: 'core/x/y.ts', text })).toEqual([
    { target: 'core/x/a.ts', isOwn: true, isValue: false },
    { target: 'core/b.ts', isOwn: true, isValue: true },
    { target: 'c', isOwn: false, isValue: true },
    { target: 'core/x/d.ts', isOwn: true, isValue: true },
    { target: 'core/x/e.ts', isOwn: true, isValue: true },
    { target: 'core/x/f.ts', isOwn: true, isValue: false },
  ])
  expect(cyclesOf(new Map(Object.entries({ a: ['b'], b: ['c'], c: ['a', 'd'], d: [] })))).toEqual(['a -> b -> c -> a'])
  expect(ownBreaches({ path: 'providers/formats/one/request.ts', text: `import '../two/request.ts'` })).toHaveLength(1)
  expect(packageBreaches({ path: 'core/upstream/open.ts', text: `import 'undici'` })).toHaveLength(1)
})
