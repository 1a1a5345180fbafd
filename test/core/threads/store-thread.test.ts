import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { packLogs, unpackLog } from '../../../core/stores/log-checks.ts'
import { createStoreCalls } from '../../../core/threads/store-calls.ts'
import type { StoreRequest, StoreSetup } from '../../../core/threads/store-messages.ts'
import { type StoreThreadOptions, startStoreThread } from '../../../core/threads/store-thread.ts'
import { record } from '../../conformance/log-kit.ts'
import { COLLECTIONS } from '../../conformance/store.ts'
import { memoryLog } from '../../helpers/plugins.ts'

const REAL = new URL('../../../transports/main.ts', import.meta.url)
const FRAGILE = new URL('../../helpers/store-thread-main.ts', import.meta.url)
const unavailable = { name: 'StoreError', fault: 'unavailable' }

function start(setup: Partial<StoreSetup>, options: Partial<StoreThreadOptions> = {}) {
  const log = memoryLog()
  const thread = startStoreThread({ entry: FRAGILE, setup: { collections: COLLECTIONS, ...setup }, log, logLevel: 'silent', ...options })
  onTestFinished(() => thread.stop())
  return {
    ...thread,
    config: thread.config,
    logs: thread.logs,
    notices: thread.notices,
    keyValue: thread.keyValue,
    stop: () => thread.stop(),
    log,
  }
}

const fragile = (failures = 0) => ({ config: { type: 'fragile', config: { failures } } })

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'bifrost-store-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

describe('the store thread', () => {
  it('is a store to the main thread: documents, refusals with their field, values, and it keeps them', async () => {
    const setup = { config: { type: 'sqlite', config: {} }, keyValue: { type: 'sqlite', config: {} }, folder: folder() }
    const first = start(setup, { entry: REAL })
    const body = JSON.parse('{"name":"main","value_hash":"1","__proto__":{"a":1},"$set":{"a.b":[null]}}') as JsonObject
    const written = await first.config.write('keys', 'a', body, { version: 0 })
    expect(JSON.stringify(written.body)).toBe(JSON.stringify(body))
    expect(await first.config.changesSince(0)).toEqual([written])
    await expect(first.config.write('keys', 'b', { name: 'main', value_hash: '2' }, { version: 0 })).rejects.toMatchObject({
      name: 'StoreError',
      fault: 'conflict',
      field: 'name',
    })
    expect(await first.keyValue.add('count', 2, 60_000)).toBe(2)
    await expect(first.notices.publish('a', 'b')).rejects.toMatchObject(unavailable)
    await first.stop()
    await expect(first.config.ping()).rejects.toMatchObject(unavailable)
    const second = start(setup, { entry: REAL })
    expect(await second.config.readPage(undefined, 10)).toEqual([written])
    expect(await second.keyValue.get('count')).toBe('2')
  })

  it('keeps logs: records with any name and value, pages, counts, removals, and they outlive it', async () => {
    const setup = { logs: { type: 'sqlite', config: {} }, folder: folder() }
    const first = start(setup, { entry: REAL })
    const strange = record('__proto__', 0, { model: '$ne', metadata: JSON.parse('{"__proto__":"a","$set":"b"}'), body: '{"a":1}' })
    await first.logs.append([strange, record('b', 1), record('c', 2)])
    expect(JSON.stringify(await first.logs.get('__proto__'))).toBe(JSON.stringify(packLogs([strange]).map(unpackLog)[0]))
    expect((await first.logs.find({ limit: 2, offset: 1 })).map(({ id }) => id)).toEqual(['b', '__proto__'])
    expect(await first.logs.summarize({ by: ['model'] })).toMatchObject([
      { by: ['$ne'], requests: 1 },
      { by: ['gpt'], requests: 2 },
    ])
    await expect(first.logs.find({ limit: 0 })).rejects.toMatchObject({ name: 'StoreError', fault: 'corrupt' })
    await first.logs.remove(['b'])
    expect(await first.logs.sweep(record('', 1).timestamp, 10)).toBe(1)
    await expect(first.config.ping()).rejects.toMatchObject(unavailable)
    await first.stop()
    await expect(first.logs.ping()).rejects.toMatchObject(unavailable)
    const second = start(setup, { entry: REAL })
    expect(await second.logs.find({ limit: 10 })).toEqual([record('c', 2)])
  })

  it('says which types there are when it is asked for another', async () => {
    const { config } = start({ config: { type: 'postgres', config: {} } }, { entry: REAL })
    await expect(config.ping()).rejects.toMatchObject({
      ...unavailable,
      message: 'there is no store of type "postgres"; choose one of "memory", "sqlite", "mongodb"',
    })
  })

  it('is started again when it ends; calls that waited are rejected, later ones served', async () => {
    const { config } = start(fragile())
    expect(await config.latestChange()).toBe(0)
    const waiting = config.read('things', 'never')
    await expect(config.read('things', 'exit')).rejects.toMatchObject(unavailable)
    await expect(waiting).rejects.toMatchObject(unavailable)
    await expect.poll(() => config.latestChange(), { timeout: 15_000 }).toBe(0)
  })

  it('is ended and started again when it hangs', async () => {
    const { config } = start(fragile(), { silenceMs: 1500 })
    await config.latestChange()
    await expect(config.read('things', 'hang')).rejects.toMatchObject(unavailable)
    await expect.poll(() => config.latestChange(), { timeout: 15_000 }).toBe(0)
  })

  it('opens a store again that could not be opened', async () => {
    const { config } = start(fragile(1))
    await expect(config.latestChange()).rejects.toMatchObject(unavailable)
    await expect.poll(() => config.latestChange(), { timeout: 15_000 }).toBe(0)
  })

  it('turns a failure that is no refusal into one, and serves on', async () => {
    const { config } = start(fragile())
    await expect(config.read('things', 'broken')).rejects.toMatchObject(unavailable)
    expect(await config.latestChange()).toBe(0)
  })

  it('carries notices, and says after a loss that some may be missing', async () => {
    const { config, notices } = start({ ...fragile(), notices: { type: 'fragile', config: {} } })
    const heard: string[] = []
    let gaps = 0
    const end = await notices.subscribe(
      'changes',
      (text) => heard.push(text),
      () => gaps++,
    )
    await notices.publish('changes', 'one')
    await expect.poll(() => heard).toEqual(['one'])
    await expect(config.read('things', 'exit')).rejects.toMatchObject(unavailable)
    await expect.poll(() => gaps, { timeout: 15_000 }).toBe(1)
    await notices.publish('changes', 'two')
    await expect.poll(() => heard).toEqual(['one', 'two'])
    end()
    await notices.publish('changes', 'three')
    await notices.publish('other', 'four')
    expect(heard).toEqual(['one', 'two'])
  })
})

describe('calls of the store thread', () => {
  it('are bounded in number and time, and a late answer is ignored', async () => {
    const sent: StoreRequest[] = []
    const calls = createStoreCalls({ post: (request) => sent.push(request) > 0, patienceMs: 1 })
    await expect(calls.config.ping()).rejects.toMatchObject(unavailable)
    calls.settle({ id: sent[0]?.id ?? 0, value: 1 })
    const patient = createStoreCalls({ post: () => true })
    const many = Array.from({ length: 1024 }, () => patient.keyValue.get('a'))
    await expect(patient.keyValue.get('a')).rejects.toMatchObject(unavailable)
    patient.lost()
    expect((await Promise.allSettled(many)).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('are refused where the thread is away or a value cannot be sent', async () => {
    await expect(createStoreCalls({ post: () => false }).config.ping()).rejects.toMatchObject(unavailable)
    const calls = createStoreCalls({ post: (request) => structuredClone(request) !== undefined })
    await expect(calls.config.write('things', 'a', { a: (() => {}) as never }, { version: 0 })).rejects.toMatchObject({ fault: 'corrupt' })
  })
})
