import type { TlsMaterial } from '../../core/config/edge.ts'
import { ERRORS } from '../../core/errors.ts'
import { openListeners } from './listen.ts'
import { type App, createApp } from './uws.ts'

/** Where the gateway listens. */
export interface AcceptorOptions {
  /** Addresses, `localhost` (both loopback families) or `unix:/path`. */
  hosts: readonly string[]
  /** 0: any free port. */
  port: number
  /** Its servers must speak TLS too: they do the handshakes. This one is for answers while there is no server, and stays as it is. */
  tls?: TlsMaterial | undefined
}

/** Owns the listening sockets in the main thread and hands each connection to a data thread, round robin. */
export interface Acceptor {
  readonly port: number
  /** Takes the descriptor of a server (`HttpServer.descriptor`) of any thread of this process. */
  add(descriptor: unknown): void
  /** From now on no connection goes there; those it has are its own. */
  remove(descriptor: unknown): void
  close(): void
}

/** Listens. Rejects with a sentence where a port or socket is in use or not to be had. */
export async function createAcceptor({ hosts, port, tls }: AcceptorOptions): Promise<Acceptor> {
  const app = createApp(tls)
  answerWithoutChildren(app)
  const listeners = await openListeners(app, hosts, port).catch((error: unknown) => {
    app.close()
    throw error
  })
  return {
    port: listeners.port,
    add(descriptor) {
      app.addChildAppDescriptor(descriptor)
    },
    remove(descriptor) {
      app.removeChildAppDescriptor(descriptor)
    },
    close() {
      listeners.close()
      app.close()
    },
  }
}

/** Only while no data thread is there. Says so in the native dialect: there is no thread that knows another. */
function answerWithoutChildren(app: App): void {
  const { type } = ERRORS.GW_OVERLOADED
  const body = JSON.stringify({
    error: { message: 'the gateway has no thread to serve requests yet; try again', type, code: 'GW_OVERLOADED' },
  })
  app.any('/*', (response) => {
    response.onAborted(() => {})
    response.writeStatus('503 Service Unavailable').writeHeader('Content-Type', 'application/json').writeHeader('Retry-After', '1')
    response.end(body, true)
  })
}
