import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Connection, type ConnectionHost } from './connection.ts'
import { SeenRequest, SeenSocket } from './record.ts'
import type { RequestHead } from './request-reader.ts'
import { type Ending, Gates } from './script.ts'

/** How a fake provider is started. */
export interface UpstreamOptions {
  /** 0: any free port. */
  port?: number
  /** `127.0.0.1` where absent. */
  host?: string
  /** Off in benchmarks: a million requests would be kept. On where absent. */
  isRecording?: boolean
}

/** A running fake provider, and everything it saw. */
export class FakeUpstream {
  readonly requests: SeenRequest[] = []
  readonly sockets: SeenSocket[] = []
  readonly #server: Server
  readonly #live = new Map<Socket, SeenSocket>()
  readonly #state = { port: 0, gates: new Gates(), counts: new Map<string, number>() }
  #host = '127.0.0.1'
  #watchers: { count: number; go: () => void }[] = []

  constructor({ isRecording = true }: UpstreamOptions = {}) {
    const shared = { quick: new Map(), state: this.#state }
    this.#server = createServer({ noDelay: true }, (socket) => {
      const seen = new SeenSocket(isRecording ? this.sockets.length : 0, socket)
      if (isRecording) this.sockets.push(seen)
      this.#live.set(socket, seen)
      socket.once('close', () => this.#live.delete(socket))
      const record: ConnectionHost['record'] = (head, body) => (isRecording ? this.#record(head, body, seen) : undefined)
      new Connection(socket, { ...shared, record })
    })
  }

  get port(): number {
    return this.#state.port
  }

  /** Without a path: `http://127.0.0.1:<port>`. The endpoints stand under `/v1`. */
  get url(): string {
    return `http://${this.#host}:${this.port}`
  }

  /** Connections that are open now. */
  get openSockets(): number {
    return this.#live.size
  }

  async listen({ port = 0, host = '127.0.0.1' }: UpstreamOptions = {}): Promise<void> {
    this.#host = host
    this.#server.listen(port, host, 1024)
    await once(this.#server, 'listening')
    this.#state.port = (this.#server.address() as AddressInfo).port
  }

  /** How the request with this id ended. Waits for the request to come, and to end. */
  async closed(id: number): Promise<Ending> {
    return (await this.request(id)).closed
  }

  /** The request with this id (0 is the first); waits until it has come. */
  async request(id: number): Promise<SeenRequest> {
    if (this.requests.length <= id) await new Promise<void>((go) => this.#watchers.push({ count: id + 1, go }))
    const request = this.requests[id]
    if (request === undefined) throw new Error(`the provider was closed before request ${id} came`)
    return request
  }

  /** Lets `gated-<gate>` and `gated-stream-<gate>` go on, now and later. */
  release(gate: string): void {
    this.#state.gates.release(gate)
  }

  /** Stops listening and resets what is open. */
  async close(): Promise<void> {
    for (const socket of this.#live.keys()) socket.destroy()
    this.#server.close()
    if (this.#server.listening) await once(this.#server, 'close')
    for (const { go } of this.#watchers.splice(0)) go()
  }

  #record(head: RequestHead, body: Buffer, socket: SeenSocket): SeenRequest {
    const request = new SeenRequest(this.requests.length, socket.id, head, body)
    socket.requests += 1
    this.requests.push(request)
    const due = this.#watchers.filter(({ count }) => count <= this.requests.length)
    this.#watchers = this.#watchers.filter(({ count }) => count > this.requests.length)
    for (const { go } of due) go()
    return request
  }
}

/** Starts a fake provider in this process. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<FakeUpstream> {
  const upstream = new FakeUpstream(options)
  await upstream.listen(options)
  return upstream
}
