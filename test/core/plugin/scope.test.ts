import { type EventEmitter, once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { loadPlugins } from '../../../core/plugin/loader.ts'
import { currentContext, escapedError, runInScope, runOutOfScope } from '../../../core/plugin/scope.ts'
import { contextOf, folderWith, memoryLog, rowOf } from '../../helpers/plugins.ts'

test('a third-party handler knows its request, also after waiting; the gateway around it does not', async () => {
  const folder = folderWith({
    'p.ts': `
      export default { name: 'p', setup: (_: object, { log }: { log: { info(facts: object, message: string): void } }) => ({
        hooks: { preRequest: { async: true, async handler() { await null; log.info({}, 'here') } } },
      }) }`,
  })
  const seen: (string | undefined)[] = []
  const log = { ...memoryLog(), info: () => void seen.push(currentContext()?.id), child: () => log }
  const loaded = await loadPlugins({
    settings: [rowOf('p', { path: './p.ts' })],
    builtins: [],
    log,
    folder,
  })
  const { preRequest } = loaded.callers('chat_completion')
  await Promise.all([preRequest?.(contextOf({}, 'a')), preRequest?.(contextOf({}, 'b'))])
  expect(seen).toEqual(['a', 'b'])
  expect(currentContext()).toBeUndefined()
})

test('what the gateway does for a plugin is nobody’s', () => {
  const ctx = contextOf()
  const inside = () => [currentContext(), runOutOfScope(currentContext)]
  expect(runInScope({ ctx, plugin: 'p', hook: 'preRequest' }, inside, undefined)).toEqual([ctx, undefined])
})

test('a failed assertion inside Node is charged to nobody', () => {
  const error = Object.assign(new Error('internal'), { code: 'ERR_INTERNAL_ASSERTION' })
  const inside = () => [escapedError(error), escapedError(new Error('own'))]
  const ctx = contextOf()
  expect(runInScope({ ctx, plugin: 'p', hook: 'preRequest' }, inside, undefined)).toEqual([undefined, ctx])
})

/** Failures of decision 0002 that must find their request, as bodies of a handler. */
const ESCAPES = {
  timer: `setTimeout(() => { throw new Error('timer') }, 1)`,
  microtask: `queueMicrotask(() => { throw new Error('microtask') })`,
  rejection: `Promise.reject(new Error('rejection'))`,
  later: `(async () => { await new Promise((resolve) => setTimeout(resolve, 1)); throw new Error('later') })()`,
  emitter: `const e = new EventEmitter(); e.on('x', () => { throw new Error('emitter') }); setTimeout(() => e.emit('x'), 1)`,
  socket: `connect({ port: 1, host: '127.0.0.1' })`,
}

test.each(Object.entries(ESCAPES))('an error that escapes by %s is charged to its request', async (name, body) => {
  const source = `
    import { EventEmitter } from 'node:events'
    import { connect } from 'node:net'
    import { parentPort } from 'node:worker_threads'
    import { escapedError, runInScope } from ${JSON.stringify(new URL('../../../core/plugin/scope.ts', import.meta.url).href)}
    const report = (error) => parentPort.postMessage(escapedError(error)?.id)
    process.on('uncaughtException', report)
    process.on('unhandledRejection', report)
    runInScope({ ctx: { id: ${JSON.stringify(name)} }, plugin: 'p', hook: 'preRequest' }, () => { ${body} })`
  const folder = folderWith({ 'worker.mjs': source })
  const worker = new Worker(pathToFileURL(`${folder}/worker.mjs`), {
    execArgv: [...process.execArgv, '--experimental-async-context-frame'],
  })
  const [charged] = await once(worker as EventEmitter, 'message')
  expect(charged).toBe(name)
  await worker.terminate()
})
