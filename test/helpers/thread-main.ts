// A gateway process with the real launcher, main thread, data and store threads, and in place of the pipeline a few routes
// that misbehave on request. Entry of every thread, as transports/main.ts is.

import type { HttpResponse } from 'uWebSockets.js'
import { AsyncLocalStorage } from 'node:async_hooks'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'
import type { Edge } from '../../core/edge.ts'
import type { SnapshotPatch } from '../../core/snapshot.ts'
import { emptyTables, type Snapshot } from '../../core/snapshot-tables.ts'
import { runDataThread, type ThreadServer } from '../../core/threads/data.ts'
import type { ThreadLog } from '../../core/threads/guard.ts'
import { receiveStart } from '../../core/threads/spawn.ts'
import { runGatewayProcess } from '../../transports/gateway-process.ts'
import { createAcceptor } from '../../transports/http/acceptor.ts'
import { createApp } from '../../transports/http/uws.ts'

interface Running {
  res: HttpResponse
  isDone: boolean
}

const contexts = new AsyncLocalStorage<Running>()
const quiet: ThreadLog = { info() {}, warn() {}, error() {} }

/** `/hello` answers at once, `/stream` answers until it is told to end, `/throw` throws where nothing catches, `/spin` hangs. */
function serve(edge: Edge, snapshot: Snapshot, thread: number): ThreadServer {
  const app = createApp()
  const state = { connections: 0, running: 0, isDraining: false }
  const countConnection = (_: unknown, change: number): void => {
    state.connections += change
  }
  app.filter(countConnection)
  const route = (path: string, answer: (running: Running) => void) =>
    app.get(path, (res) => {
      const running = { res, isDone: false }
      res.onAborted(() => finish(running))
      state.running++
      contexts.run(running, () => answer(running))
    })
  const finish = (running: Running) => {
    if (running.isDone) return false
    running.isDone = true
    state.running--
    return true
  }
  const reply = (running: Running, status: number, body: string) => {
    if (!finish(running)) return
    running.res.cork(() => running.res.writeStatus(String(status)).end(body, state.isDraining))
  }
  endRunning = (running) => reply(running, 500, 'ended')
  route('/hello', (running) => reply(running, 200, `hello from ${thread}`))
  route('/health', (running) => {
    const incoming = { route: { operation: 'health', at: 'control' }, method: 'GET', path: '/health', query: '', headers: new Map() }
    const send = (status: number, _: unknown, body: string) => reply(running, status, body)
    edge.handle({ incoming, id: 'test', identity: {} } as never, Buffer.alloc(0), { send } as never)
  })
  route('/providers', (running) => reply(running, 200, [...snapshot.tables.providers.keys()].join()))
  route('/throw', () => {
    setImmediate(() => {
      throw new Error('thrown outside any promise')
    })
  })
  route('/exit', (running) => {
    try {
      process.exit(3)
    } catch (error) {
      reply(running, 200, (error as Error).message)
    }
  })
  route('/spin', () => {
    for (;;) Math.random()
  })
  route('/heap', () => {
    const held: unknown[] = []
    for (;;) held.push(new Array(1e6).fill(held.length))
  })
  const streams = new Set<Running>()
  route('/stream', (running) => {
    streams.add(running)
    running.res.cork(() => running.res.writeStatus('200').write('first;'))
  })
  const endStreams = () => {
    for (const stream of streams) if (finish(stream)) stream.res.cork(() => stream.res.end('last', true))
    streams.clear()
  }
  // The stream may run in another thread, also in one that takes no new request any more.
  const channel = new BroadcastChannel('end-streams')
  channel.onmessage = endStreams
  channel.unref()
  route('/end', (running) => {
    endStreams()
    channel.postMessage('now')
    reply(running, 200, 'ended')
  })
  closeGateway = () => {
    for (const stream of streams) if (finish(stream)) stream.res.cork(() => stream.res.end('cut', true))
  }
  return {
    descriptor: { public: app.getDescriptor() },
    get connections() {
      return state.connections
    },
    get running() {
      return state.running
    },
    drain() {
      state.isDraining = true
    },
    close: () => void app.close(),
  }
}

let endRunning: (running: Running) => void = () => {}
let closeGateway: () => void = () => {}

/** A change of the plugin `waits` fails once a test says so, on the channel of that name. */
async function apply({ set }: SnapshotPatch): Promise<void> {
  if (!set.some(([table, id]) => table === 'plugins' && id === 'waits')) return
  const channel = new BroadcastChannel('waits')
  await new Promise<void>((resolve) => {
    channel.onmessage = (event) => (event as MessageEvent).data === 'go on' && resolve()
    channel.postMessage('waiting')
  })
  channel.close()
  throw new Error('failed late')
}

function endEscaped(): boolean {
  const running = contexts.getStore()
  if (running) endRunning(running)
  return running !== undefined
}

if (isMainThread) {
  const settings = JSON.parse(process.env.TEST_CLIENT ?? '{}') as object
  const tables = emptyTables()
  tables.client.set('client', { drainDelayMs: 0, graceMs: 10_000, threads: 1, ...settings } as never)
  await runGatewayProcess({
    args: process.argv.slice(2),
    entry: new URL(import.meta.url),
    load: (file) =>
      file === 'bad'
        ? { problems: ['client.threads: is bad'], notices: [], secrets: [] }
        : { tables, problems: [], notices: [], secrets: [] },
    createAcceptor,
    createMint: () => () => Promise.reject(new Error('nothing is minted here')),
    keyVariables: () => ['SOME_API_KEY'],
    silenceMs: Number(process.env.TEST_SILENCE_MS ?? 10_000),
  })
} else {
  const start = await receiveStart('data')
  runDataThread({
    start,
    log: quiet,
    createGateway: async () => ({ edge: {} as Edge, apply, drain() {}, close: () => closeGateway(), endEscaped }),
    createServer: ({ edge, snapshot }) => serve(edge, snapshot, start.index),
  })
}
