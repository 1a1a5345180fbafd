import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import { type LoadOptions, loadPlugins } from '../../../core/plugin/loader.ts'
import { definePlugin, type Plugin } from '../../../core/plugin/plugin.ts'
import { contextOf, folderWith, loadValues, memoryLog, rowOf } from '../../helpers/plugins.ts'

function load(options: Partial<LoadOptions> & Pick<LoadOptions, 'settings'>) {
  return loadPlugins({ builtins: [], log: memoryLog(), ...options })
}
async function problemsOf(options: Partial<LoadOptions> & Pick<LoadOptions, 'settings'>): Promise<readonly string[]> {
  const error = await load(options).catch((error: unknown) => error)
  expect(error).toMatchObject({ name: 'ConfigError' })
  return (error as { problems: readonly string[] }).problems
}
const empty = (name: string, more: Partial<Plugin> = {}): Plugin => definePlugin({ setup: () => ({}), ...more, name })

describe('built-in plugins', () => {
  test('a row brings its plugin up with its configuration; one without a row is not loaded', async () => {
    const seen: unknown[] = []
    const taken = definePlugin({
      name: 'taken',
      version: '1.2.0',
      config: z.object({ limit: z.number().default(3) }),
      setup: (config, { name }) => {
        seen.push(config, name)
        return { hooks: { governance: () => undefined } }
      },
    })
    const loaded = await load({ settings: [rowOf('taken')], builtins: [taken, empty('left')] })
    expect(seen).toEqual([{ limit: 3 }, 'taken'])
    expect(loaded.plugins).toEqual([
      { name: 'taken', actualName: 'taken', version: '1.2.0', placement: 'builtin', isThirdParty: false, hooks: ['governance'] },
    ])
  })

  test('an operation’s callers are built once', async () => {
    const loaded = await loadValues([empty('a')])
    expect(loaded.callers('chat_completion')).toBe(loaded.callers('chat_completion'))
  })

  test('placement comes before order, order before the place in the list', async () => {
    const seen: string[] = []
    const listening = (name: string): Plugin => definePlugin({ name, setup: () => ({ hooks: { preRequest: () => void seen.push(name) } }) })
    const loaded = await load({
      settings: [
        rowOf('late', { placement: 'post_builtin', order: -5 }),
        rowOf('second', { order: 2 }),
        rowOf('first', { order: 1 }),
        rowOf('early', { placement: 'pre_builtin', order: 9 }),
      ],
      builtins: ['late', 'second', 'first', 'early'].map(listening),
    })
    loaded.callers('chat_completion').preRequest?.(contextOf())
    expect(seen).toEqual(['early', 'first', 'second', 'late'])
  })

  test('what is required is set up first and its services are there', async () => {
    const seen: unknown[] = []
    const giver = definePlugin({ name: 'giver', setup: () => ({ services: { clock: { now: 5 } } as object }) })
    const taker = definePlugin({
      name: 'taker',
      requires: ['giver'],
      setup(_, { services }) {
        seen.push((services as { clock?: unknown }).clock, 'other' in services)
        return {}
      },
    })
    const loaded = await loadValues([taker, giver])
    expect(seen).toEqual([{ now: 5 }, false])
    expect(() => (loaded.services as { other?: unknown }).other).toThrow('no plugin offers the service "other"')
  })
})

describe('problems at boot', () => {
  test('are listed together, whoever they belong to', async () => {
    const strict = definePlugin({ name: 'strict', config: z.object({ list: z.array(z.object({ id: z.string() })) }), setup: () => ({}) })
    const asynchronous = definePlugin({
      name: 'async-stream',
      setup: () => ({ hooks: { stream: { async: true, handler: () => [] } as never } }),
    })
    const undeclared = definePlugin({ name: 'undeclared', setup: () => ({ hooks: { governance: (async () => undefined) as never } }) })
    const unknownHook = definePlugin({ name: 'unknown-hook', setup: () => ({ hooks: { preRequst: () => undefined } as never }) })
    const failing = definePlugin({
      name: 'failing',
      setup() {
        throw new Error('no database')
      },
    })
    const rows = ['strict', 'async-stream', 'undeclared', 'unknown-hook', 'failing', 'needy', 'ring-a', 'ring-b', 'absent', 'strict']
    const problems = await problemsOf({
      settings: rows.map((name) => rowOf(name, name === 'strict' ? { config: { list: [{ id: 1 }], lst: [] } } : {})),
      builtins: [
        ...[strict, asynchronous, undeclared, unknownHook, failing],
        empty('needy', { requires: ['redis'] }),
        empty('ring-a', { requires: ['ring-b'] }),
        empty('ring-b', { requires: ['ring-a'] }),
      ],
    })
    const expected = [
      'plugins.strict: the name is used more than once',
      'plugins.strict: config.list[0].id: Invalid input: expected string, received number',
      'plugins.strict: config: Unrecognized key: "lst"',
      'plugins.absent: there is no built-in plugin of this name',
      'plugins.needy: requires "redis", which is not configured',
      'plugins.ring-a: requires itself through ring-a -> ring-b -> ring-a',
      'plugins.async-stream: hooks.stream: this hook cannot wait',
      'plugins.undeclared: hooks.governance: an async function must be declared',
      'plugins.unknown-hook: hooks.preRequst: there is no such hook',
      'plugins.failing: setup failed: no database',
    ]
    for (const sentence of expected) expect(problems).toContainEqual(expect.stringContaining(sentence))
  })

  test('a plugin without a schema takes no configuration', async () => {
    const problems = await problemsOf({ settings: [rowOf('a', { config: { limit: 1 } })], builtins: [empty('a')] })
    expect(problems).toEqual(['plugins.a: config: Unrecognized key: "limit"'])
  })

  test('what setup returns is checked down to the fields of an entry', async () => {
    const returning = (name: string, parts: unknown): Plugin => definePlugin({ name, setup: () => parts as object })
    const plugins = [
      returning('nothing', undefined),
      returning('typo', { hook: {} }),
      returning('entry', { hooks: { governance: { handler() {}, need: 'canonical', order: 'first' } } }),
      returning('generator', { hooks: { governance: function* () {} } }),
    ]
    const problems = await problemsOf({ settings: plugins.map((plugin) => rowOf(plugin.name)), builtins: plugins })
    expect(problems).toEqual([
      expect.stringContaining('plugins.nothing: setup returned no object'),
      expect.stringContaining('plugins.typo: setup returned "hook"'),
      expect.stringContaining('plugins.entry: hooks.governance: "need" is none of'),
      expect.stringContaining('plugins.entry: hooks.governance: "order" cannot be "first"'),
      expect.stringContaining('plugins.generator: hooks.governance: a generator is not a handler'),
    ])
  })

  test('a setup that hangs is a problem, and what was set up before is closed', async () => {
    const closed: string[] = []
    const before = empty('before', { setup: () => ({ close: () => void closed.push('before') }) })
    const hanging = empty('hanging', { setup: () => new Promise<object>(() => {}) })
    const problems = await problemsOf({ settings: [rowOf('before'), rowOf('hanging')], builtins: [before, hanging], setupTimeoutMs: 5 })
    expect(problems).toEqual(['plugins.hanging: setup failed: no end within 5 ms'])
    expect(closed).toEqual(['before'])
  })

  test('two plugins cannot offer the same service', async () => {
    const offering = (name: string): Plugin => definePlugin({ name, setup: () => ({ services: { clock: 1 } as object }) })
    const problems = await problemsOf({ settings: [rowOf('a'), rowOf('b')], builtins: [offering('a'), offering('b')] })
    expect(problems).toEqual(['plugins.b: the service "clock" is offered by another plugin already'])
  })
})

test('close runs once, in reverse order, past plugins that fail or hang', async () => {
  const closed: string[] = []
  const closing = (name: string, close: () => void | Promise<void>): Plugin =>
    definePlugin({
      name,
      setup: () => ({
        close() {
          closed.push(name)
          return close()
        },
      }),
    })
  const log = memoryLog()
  const plugins = [
    closing('first', () => {}),
    closing('hanging', () => new Promise(() => {})),
    closing('failing', () => {
      throw new Error('stuck')
    }),
  ]
  const loaded = await load({ settings: plugins.map((plugin) => rowOf(plugin.name)), builtins: plugins, log, closeTimeoutMs: 5 })
  await Promise.all([loaded.close(), loaded.close()])
  expect(closed).toEqual(['failing', 'hanging', 'first'])
  expect(log.lines.map((line) => line.facts.plugin)).toEqual(['failing', 'hanging'])
})

describe('third-party plugins', () => {
  const source = `
    import { definePlugin, GatewayError, allowList } from 'bifrost-node'
    import { z } from 'zod'
    export const schema = z.strictObject({ models: allowList() })
    export default definePlugin({
      name: 'allow-models',
      config: schema,
      setup({ models }, { log }) {
        return {
          hooks: {
            governance(ctx: { model: string }) {
              if (models.allows(ctx.model)) return
              return new GatewayError('GW_MODEL_NOT_ALLOWED', { model: ctx.model, rule: 'allow-models' })
            },
          },
        }
      },
    })`

  test('a TypeScript file in any folder imports the running core and zod', async () => {
    const folder = folderWith({ 'allow-models.ts': source })
    const settings = [rowOf('mine', { path: './allow-models.ts', config: { models: ['large'] } })]
    const governance = (await load({ settings, folder })).callers('chat_completion').governance
    expect(governance?.(contextOf({ model: 'large' }))).toBeUndefined()
    expect(governance?.(contextOf({ model: 'small' }))).toBeInstanceOf(GatewayError)
    const module = await import(pathToFileURL(join(folder, 'allow-models.ts')).href)
    expect(module.schema).toBeInstanceOf(z.ZodObject)
  })

  test('an absolute path, a file URL and a factory as the default export will do', async () => {
    const folder = folderWith({
      'a.js': `export default { name: 'a', setup: () => ({}) }`,
      'b.mjs': `export default async () => ({ name: 'b', setup: () => ({}) })`,
    })
    const settings = [
      rowOf('a', { path: join(folder, 'a.js'), placement: 'pre_builtin' }),
      rowOf('b', { path: pathToFileURL(join(folder, 'b.mjs')).href }),
    ]
    expect((await load({ settings })).plugins).toMatchObject([
      { name: 'a', placement: 'pre_builtin', isThirdParty: true },
      { name: 'b', placement: 'post_builtin', isThirdParty: true },
    ])
  })

  test('an installed package is found from the configuration’s folder and gets the running zod, its dependencies their own', async () => {
    const folder = folderWith({
      'node_modules/guard/package.json': `{"name":"guard","type":"module","exports":{"import":"./main.js"}}`,
      'node_modules/guard/main.js': `
        import { z } from 'zod'
        import other from 'other'
        export default { name: 'guard', config: z.strictObject({ limit: z.number() }), setup: () => ({ services: { z, other } }) }`,
      'node_modules/other/package.json': `{"name":"other","type":"module","exports":"./main.js"}`,
      'node_modules/other/main.js': `export { default } from 'zod'`,
      'node_modules/zod/package.json': `{"name":"zod","type":"module","exports":"./main.js"}`,
      'node_modules/zod/main.js': `export default 'their own'`,
    })
    const settings = [rowOf('guard', { path: 'guard', config: { limit: 1 } })]
    const { services } = await load({ settings, folder })
    expect(services).toMatchObject({ z, other: 'their own' })
  })

  test('what is wrong with a file is a sentence', async () => {
    const folder = folderWith({
      'empty.ts': 'export {}',
      'enum.ts': 'enum A { B }\nexport default A',
      'broken.js': 'export default {',
      'imports.js': `import 'not-installed'`,
      'throws.js': `throw new Error('at import')`,
      'same.js': `export default { name: 'taken', setup: () => ({}) }`,
      'node_modules/typed/package.json': `{"name":"typed","exports":"./main.ts"}`,
      'node_modules/typed/main.ts': 'export default 1',
    })
    const files = ['./empty.ts', './enum.ts', './broken.js', './imports.js', './throws.js', './same.js', 'typed', './gone.ts', 'gone']
    const problems = await problemsOf({
      settings: files.map((path, index) => rowOf(`p${index}`, { path })),
      builtins: [empty('taken')],
      folder,
    })
    const expected = [
      'plugins.p0: the default export of ./empty.ts is no plugin',
      'plugins.p1: ./enum.ts uses TypeScript that cannot be erased',
      'plugins.p2: ./broken.js cannot be loaded',
      'plugins.p3: ./imports.js cannot be loaded: Cannot find package',
      'plugins.p4: ./throws.js cannot be loaded: at import',
      'plugins.p5: the plugin calls itself "taken", which is a built-in',
      'plugins.p6: typed holds TypeScript; an installed package must ship JavaScript',
      'plugins.p7: there is no file or installed package ./gone.ts',
      'plugins.p8: there is no file or installed package gone',
    ]
    expect(problems).toHaveLength(expected.length)
    for (const sentence of expected) expect(problems).toContainEqual(expect.stringContaining(sentence))
  })
})
