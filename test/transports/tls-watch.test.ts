import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TlsMaterial } from '../../core/config/edge.ts'
import { watchTls } from '../../transports/tls-watch.ts'
import { manualClock } from './http/harness.ts'

const fixture = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url)
const text = (name: string) => readFileSync(fixture(name), 'utf8')

async function watched() {
  const folder = await mkdtemp(join(tmpdir(), 'bifrost-watch-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const settings = { cert: join(folder, 'a.pem'), key: join(folder, 'a.key') }
  const put = async (name: string) => {
    await copyFile(fixture(`${name}.pem`), settings.cert)
    await copyFile(fixture(`${name}.key`), settings.key)
  }
  await put('server')
  const clock = manualClock()
  const changes: TlsMaterial[] = []
  const broken: (readonly string[])[] = []
  const folders: string[] = []
  let signal = (): void => {}
  const stop = watchTls({
    settings,
    current: { cert: text('server.pem'), key: text('server.key') },
    onChange: (material) => changes.push(material),
    onBroken: (problems) => broken.push(problems),
    clock,
    watchFolder(name, changed) {
      folders.push(name)
      signal = changed
      return () => {}
    },
  })
  return { folder, settings, put, clock, changes, broken, folders, stop, signal: () => signal() }
}

test('a change is read at the tick after its sign', async () => {
  const { folder, folders, put, clock, changes, broken, signal } = await watched()
  expect(folders).toEqual([folder])
  await put('wrong-host')
  clock.advance(1000)
  expect(changes).toEqual([])
  signal()
  expect(changes).toEqual([])
  clock.advance(1000)
  expect(changes).toEqual([{ cert: text('wrong-host.pem'), key: text('wrong-host.key') }])
  signal()
  clock.advance(1000)
  expect(changes).toHaveLength(1)
  expect(broken).toEqual([])
})

test('without a sign it is found in half a minute', async () => {
  const { put, clock, changes } = await watched()
  await put('wrong-host')
  for (let tick = 0; tick < 29; tick++) clock.advance(1000)
  expect(changes).toHaveLength(0)
  clock.advance(1000)
  expect(changes).toHaveLength(1)
})

test('a pair that does not belong together is told once, and taken when it is whole', async () => {
  const { settings, put, clock, changes, broken, signal } = await watched()
  await copyFile(fixture('wrong-host.pem'), settings.cert)
  for (let turn = 0; turn < 3; turn++) {
    signal()
    clock.advance(1000)
  }
  expect(broken).toEqual([['client.tls.key: is not the key of client.tls.cert']])
  await put('wrong-host')
  signal()
  clock.advance(1000)
  expect(changes).toHaveLength(1)
  await writeFile(settings.key, 'x')
  signal()
  clock.advance(1000)
  expect(broken.at(-1)).toEqual(['client.tls.key: is not a private key in PEM form, or is encrypted'])
})

test('ends when told, and never begins where both are PEM texts', async () => {
  const { clock, stop } = await watched()
  expect(clock.running()).toBe(1)
  stop()
  expect(clock.running()).toBe(0)
  const idle = manualClock()
  const material = { cert: text('server.pem'), key: text('server.key') }
  watchTls({ settings: material, current: material, onChange() {}, onBroken() {}, clock: idle })
  expect(idle.running()).toBe(0)
})
