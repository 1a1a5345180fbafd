import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { createUpstreamClient, type UpstreamClientOptions } from '../../../core/upstream/index.ts'
import type { Target, UpstreamCall, UpstreamClient, UpstreamFault, UpstreamHead, UpstreamRequest } from '../../../core/upstream/types.ts'

/** A PEM file of test/fixtures/tls. */
export function pem(name: string): string {
  return readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
}

export function targetOf(port: number, changes: Partial<Target> = {}): Target {
  return {
    provider: 'fake',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port,
    host: `127.0.0.1:${port}`,
    prefix: '',
    insecureSkipVerify: false,
    connectTimeoutMs: 5000,
    maxConnections: 100,
    ...changes,
  }
}

export function requestOf(changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: 'POST',
    path: '/v1/x',
    headers: [['authorization', 'Bearer k']],
    body: [Buffer.from('{}')],
    maxResponseBytes: 1e6,
    ...changes,
  }
}

export interface Outcome {
  head: UpstreamHead | undefined
  body: Buffer
  chunks: number
  fault: UpstreamFault | undefined
}

export interface Running {
  call: UpstreamCall
  done: Promise<Outcome>
  /** Resolves with the head, or when the call ends without one. */
  head: Promise<UpstreamHead | undefined>
  /** Resolves with the first bytes of the body. */
  firstData: Promise<void>
}

/** Makes a call and gathers what the handler hears; a second end is an error. */
export function run(client: UpstreamClient, target: Target, request: UpstreamRequest = requestOf()): Running {
  const outcome: Outcome = { head: undefined, body: Buffer.alloc(0), chunks: 0, fault: undefined }
  const pieces: Buffer[] = []
  const done = Promise.withResolvers<Outcome>()
  const head = Promise.withResolvers<UpstreamHead | undefined>()
  const firstData = Promise.withResolvers<void>()
  let ends = 0
  const end = () => {
    if (++ends > 1) throw new Error('the handler was told twice that it is over')
    outcome.body = Buffer.concat(pieces)
    head.resolve(outcome.head)
    done.resolve(outcome)
  }
  const call = client.open(target, request, {
    onHead(received) {
      outcome.head = received
      head.resolve(received)
    },
    onData(chunk) {
      outcome.chunks++
      pieces.push(Buffer.from(chunk))
      firstData.resolve()
    },
    onEnd: end,
    onError(fault) {
      outcome.fault = fault
      end()
    },
  })
  return { call, done: done.promise, head: head.promise, firstData: firstData.promise }
}

/** One request as a raw server saw it. */
export interface Seen {
  text: string
  socket: Socket
  /** Of the connection, from 0. */
  connection: number
  /** On this connection, from 0. */
  index: number
}

export interface RawServer {
  port: number
  server: Server
  sockets: Socket[]
  seen: Seen[]
  /** Settles when the server sees the FIN or reset of the nth connection (from 0). */
  closed(connection: number): Promise<void>
  close(): Promise<void>
}

/** A server of raw bytes: `answer` runs for each whole request (by content-length). Half-open sockets, so that a test decides about FIN. */
export async function rawServer(answer: (seen: Seen) => void, options: { tls?: TlsOptions; listen?: string } = {}): Promise<RawServer> {
  const sockets: Socket[] = []
  /** Below TLS: a connection whose handshake failed is not among `sockets`. */
  const raw: Socket[] = []
  const closings: PromiseWithResolvers<void>[] = []
  const closing = (index: number) => (closings[index] ??= Promise.withResolvers<void>())
  const result: RawServer = {
    port: 0,
    server: options.tls ? createTlsServer({ ...options.tls, allowHalfOpen: true }) : createServer({ allowHalfOpen: true }),
    sockets,
    seen: [],
    closed: (index) => closing(index).promise,
    async close() {
      for (const socket of [...sockets, ...raw]) socket.destroy()
      result.server.close()
      await once(result.server, 'close')
    },
  }
  const serve = (socket: Socket) => {
    const connection = sockets.push(socket) - 1
    socket.on('error', () => {})
    for (const sign of ['end', 'close']) socket.on(sign, () => closing(connection).resolve())
    readRequests(socket, (text, index) => {
      const seen = { text, socket, connection, index }
      result.seen.push(seen)
      answer(seen)
    })
  }
  result.server.on('connection', (socket: Socket) => void raw.push(socket))
  result.server.on(options.tls ? 'secureConnection' : 'connection', serve)
  if (options.listen === undefined) result.server.listen(0, '127.0.0.1')
  else result.server.listen(options.listen)
  await once(result.server, 'listening')
  if (options.listen === undefined) result.port = (result.server.address() as AddressInfo).port
  return result
}

function readRequests(socket: Socket, each: (text: string, index: number) => void): void {
  let text = ''
  let index = 0
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const total = end + 4 + Number(/content-length: (\d+)/.exec(text.slice(0, end + 2))?.[1] ?? 0)
      if (text.length < total) return
      const one = text.slice(0, total)
      text = text.slice(total)
      each(one, index++)
    }
  })
}

/** An answer with Content-Length. */
export function answerOf(body: string, headers = ''): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** A clock and a sweep that the test moves. */
export function manualClock(): { options: UpstreamClientOptions; advance(ms: number): void } {
  let now = 1_000_000
  const ticks = new Set<() => void>()
  return {
    options: {
      now: () => now,
      every: (_ms, tick) => {
        ticks.add(tick)
        return () => ticks.delete(tick)
      },
    },
    advance(ms) {
      now += ms
      for (const tick of [...ticks]) tick()
    },
  }
}

/** Resolves once `condition` holds, looking at each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

export { createUpstreamClient }
