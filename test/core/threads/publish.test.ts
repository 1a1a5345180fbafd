import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { emptyTables, SLICE_ENTRIES } from '../../../core/snapshot-tables.ts'
import { type Control, type ControlOptions, startControl } from '../../../core/threads/control.ts'
import { createAcceptor as createOne } from '../../../transports/http/acceptor.ts'
import { openListeners } from '../../../transports/listeners.ts'

const quiet = { info() {}, warn() {}, error() {} }
const provider = (name: string) => ({ name, keys: [] }) as never

let control: Control | undefined
afterEach(async () => {
  await control?.stop({ delayMs: 0, graceMs: 0 })
  control = undefined
})

function options(overrides: Partial<ControlOptions> = {}): ControlOptions {
  const entry = new URL('../../helpers/thread-main.ts', import.meta.url)
  const mint = () => Promise.reject(new Error('nothing is minted here'))
  return { entry, mint, threads: 2, tables: emptyTables(), log: quiet, logLevel: 'silent', routes: {}, onBroken() {}, ...overrides }
}

describe('the snapshot of a gateway of threads', () => {
  it('reaches every thread whole at the start, and by patches afterwards', async () => {
    const tables = emptyTables()
    for (let i = 0; i <= SLICE_ENTRIES; i++) tables.providers.set(`p${i}`, provider(`p${i}`))
    control = await startControl(options({ tables }))
    const acceptor = await openListeners(createOne, [{ surface: 'public', hosts: ['127.0.0.1'], port: 0 }], undefined)
    control.serve(acceptor)
    const names = async () =>
      (await (await fetch(`http://127.0.0.1:${acceptor.ports.public}/providers`, { headers: { connection: 'close' } })).text()).split(',')
    expect(await names()).toHaveLength(SLICE_ENTRIES + 1)
    const remove = [...tables.providers.keys()].map((name) => ['providers', name] as const)
    expect(await control.publish({ set: [['providers', 'new', provider('new')]], delete: remove })).toEqual({
      version: 2,
      acknowledged: true,
    })
    expect([await names(), await names()]).toEqual([['new'], ['new']])
    acceptor.close()
  })

  it('tells later what threads that were late could not take over', async () => {
    control = await startControl(options({ threads: 2, loadMs: 20 }))
    const channel = new BroadcastChannel('waits')
    const bothWait = Promise.withResolvers<void>()
    let waiting = 0
    channel.onmessage = () => ++waiting === 2 && bothWait.resolve()
    const published = await control.publish({ set: [['plugins', 'waits', { name: 'waits' }]] })
    expect(published).toEqual({ version: 2, acknowledged: false, late: expect.any(Promise) })
    await bothWait.promise
    channel.postMessage('go on')
    expect(await published.late).toEqual(['the change 2 was not taken over: failed late'])
    expect(await control.publish({ set: [['providers', 'next', provider('next')]] })).toEqual({ version: 3, acknowledged: true })
    channel.close()
  })

  it('reaches a thread that starts while it changes', async () => {
    control = await startControl(options({ threads: 1 }))
    const acceptor = await openListeners(createOne, [{ surface: 'public', hosts: ['127.0.0.1'], port: 0 }], undefined)
    control.serve(acceptor)
    const replaced = control.replaceThread(0)
    const published = control.publish({ set: [['providers', 'late', provider('late')]] })
    await replaced
    expect((await published).version).toBe(2)
    expect(await (await fetch(`http://127.0.0.1:${acceptor.ports.public}/providers`)).text()).toBe('late')
    acceptor.close()
  })
})

describe('a start that fails', () => {
  it('says why, and leaves no thread', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bifrost-threads-'))
    const file = join(folder, 'broken.mjs')
    await writeFile(file, 'throw new Error("broken on purpose")')
    await expect(startControl(options({ entry: pathToFileURL(file) }))).rejects.toThrow(/thread \d failed: broken on purpose/)
    await rm(folder, { recursive: true })
  })
})
