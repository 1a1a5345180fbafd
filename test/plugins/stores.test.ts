import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chooseDriver } from '../../core/stores/choice.ts'
import { storeDrivers } from '../../plugins/stores.ts'
import { folderWith } from '../helpers/plugins.ts'

test('the kinds of stores are these, and what each is for', () => {
  const uses = ['openConfig', 'openLogs', 'openKeyValue', 'openNotices'] as const
  expect(Object.fromEntries(storeDrivers.map((driver) => [driver.type, uses.filter((use) => driver[use]).join()]))).toEqual({
    memory: 'openConfig,openLogs,openKeyValue,openNotices',
    sqlite: 'openConfig,openLogs,openKeyValue',
    mongodb: 'openConfig,openLogs,openKeyValue',
    redis: 'openKeyValue,openNotices',
  })
})

test.each(['postgres', 'weaviate', 'mongo', '', '__proto__'])('type "%s" is refused with the choices', (type) => {
  expect(chooseDriver(storeDrivers, type, 'openConfig')).toEqual({
    problem: `there is no store of type "${type}"; choose one of "memory", "sqlite", "mongodb"`,
  })
})

test('logs are no matter for a store of values', () => {
  expect(chooseDriver(storeDrivers, 'redis', 'openLogs')).toEqual({
    problem: 'a store of type "redis" is none that keeps logs; choose one of "memory", "sqlite", "mongodb"',
  })
})

test('a type that cannot do what is asked of it is refused with those that can', () => {
  expect(chooseDriver(storeDrivers, 'redis', 'openConfig')).toEqual({
    problem: 'a store of type "redis" is none that keeps a configuration; choose one of "memory", "sqlite", "mongodb"',
  })
  expect(chooseDriver(storeDrivers, 'sqlite', 'openConfig')).toHaveProperty('type', 'sqlite')
})

/** Which of the clients' packages are loaded after this script has run in a process of its own. */
function loadedBy(script: string): string[] {
  const source = `
    import { createRequire } from 'node:module'
    ${script}
    const files = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache)
    const found = ['mongodb', 'ioredis'].filter((name) => files.some((file) => file.includes('node_modules/' + name + '/')))
    if (process.moduleLoadList.includes('NativeModule sqlite')) found.push('sqlite')
    process.stdout.write(JSON.stringify(found))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' })
  return JSON.parse(stdout || JSON.stringify(stderr)) as string[]
}

test('a data thread, and who parses a configuration, loads no client of a store', () => {
  const address = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
  const modules = ['plugins/stores.ts', 'plugins/index.ts', 'core/threads/data.ts', 'core/gateway.ts', 'core/threads/store-thread.ts']
  expect(loadedBy(modules.map((path) => `await import(${address(path)})`).join('\n'))).toEqual([])
  const opened = `
    const { storeDrivers } = await import(${address('plugins/stores.ts')})
    const context = { folder: undefined, collections: [], now: Date.now, log: { warn() {}, info() {} } }
    const open = (type, use, config) => storeDrivers.find((driver) => driver.type === type)[use](config, context)
    const stores = [
      await open('mongodb', 'openConfig', { url: 'mongodb://127.0.0.1:1', db_name: 'a' }),
      await open('sqlite', 'openConfig', { path: ${JSON.stringify(join(folderWith({}), 'a.db'))} }),
      await open('redis', 'openKeyValue', { addr: '127.0.0.1:1', key_prefix: 'a:' }),
    ]
    for (const store of stores) await store.close()`
  expect(loadedBy(opened)).toEqual(['mongodb', 'ioredis', 'sqlite'])
})
