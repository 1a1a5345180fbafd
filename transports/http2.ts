import { Agent, type ClientRequest, request as openRequest, type RequestOptions } from 'node:http'
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { request as openSecureRequest, Agent as SecureAgent } from 'node:https'

/** The listener of `client.http2_port`. */
export interface Http2Bridge {
  readonly port: number
  /** Stops accepting, tells clients to go elsewhere, and resolves when the last of their streams has ended. */
  close(): Promise<void>
}

/** Where requests go: the gateway's own HTTP/1.1 port, or its unix socket. */
export type BridgeTarget = ({ host: string; port: number } | { socketPath: string }) & { isSecure?: boolean }

/** Streams that one client may have open. */
const MAX_STREAMS = 1_000
/** What frames or holds a connection is of one hop alone: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2 */
const HOP_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
])

/**
 * HTTP/2 without TLS (prior knowledge), for clients that speak nothing else, such as AWS's for Bedrock: each stream becomes a request to
 * the routes that every other client uses, with their limits. Rejects where the port is taken.
 */
export async function startHttp2Bridge(options: { hosts: readonly string[]; port: number; target: BridgeTarget }): Promise<Http2Bridge> {
  const { isSecure = false, ...place } = options.target
  // The gateway asks itself, at an address that its certificate need not name.
  const agent = isSecure ? new SecureAgent({ keepAlive: true, rejectUnauthorized: false }) : new Agent({ keepAlive: true })
  const open = isSecure ? openSecureRequest : openRequest
  const sessions = new Set<ServerHttp2Session>()
  const servers: Http2Server[] = []
  const close = async (): Promise<void> => {
    const ended = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const session of sessions) session.close()
    await Promise.all(ended)
    agent.destroy()
  }
  let { port } = options
  for (const host of options.hosts) {
    const server = createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } })
    server.on('session', (session) => {
      sessions.add(session)
      session.on('close', () => sessions.delete(session))
      session.on('error', () => session.destroy())
    })
    server.on('stream', (stream, headers) => bridge(stream, headers, (more) => open({ ...place, agent, ...more })))
    try {
      port = await listen(server, host, port)
    } catch (error) {
      await close()
      throw new Error(`cannot listen on ${host}:${port} (client.http2_port): ${(error as Error).message}`)
    }
    servers.push(server)
  }
  return { port, close }
}

function listen(server: Http2Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve((server.address() as { port: number }).port)
    })
  })
}

type Ask = (request: Pick<RequestOptions, 'method' | 'path' | 'headers'>) => ClientRequest

function bridge(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ask: Ask): void {
  const request = ask({ method: headers[':method'], path: headers[':path'], headers: plainHeaders(headers) })
  stream.on('error', () => request.destroy())
  stream.on('close', () => request.destroy())
  request.on('error', () => end(stream))
  request.on('response', (response) => {
    if (stream.destroyed || stream.headersSent) return void response.resume()
    const answer = Object.entries(response.headers).filter(([name]) => !HOP_HEADERS.has(name))
    stream.respond({ ':status': response.statusCode, ...Object.fromEntries(answer) }, { endStream: false })
    response.on('error', () => stream.close(2))
    response.on('aborted', () => stream.close(2))
    response.pipe(stream)
  })
  // Without a declared length a body is chunked, which the other side takes too.
  stream.pipe(request)
}

/** The gateway is gone or cut the connection: what was not answered is a 502, what was is reset. */
function end(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return
  if (stream.headersSent) return stream.close(2)
  stream.respond({ ':status': 502 }, { endStream: true })
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const plain: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':') && !HOP_HEADERS.has(name)) plain[name] = value
  }
  if (headers[':authority'] !== undefined) plain.host = headers[':authority']
  return plain
}
