import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A client that says exactly what it is told. */
export interface RawClient {
  readonly socket: Socket
  /** All that came so far, in latin1. */
  readonly text: string
  write(text: string | Buffer): void
  /** Resolves once what came holds this; rejects when the connection closes first. */
  until(wanted: string | RegExp): Promise<string>
  /** Resolves with all that came when the connection has closed. */
  closed(): Promise<string>
}

/** Connects to a port of 127.0.0.1; the connection ends with the test. */
export function rawClient(port: number): RawClient {
  const socket = connect(port, '127.0.0.1')
  const watchers = new Set<() => void>()
  let text = ''
  let isClosed = false
  const told = (): void => {
    for (const watcher of [...watchers]) watcher()
  }
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    told()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
    told()
  })
  onTestFinished(() => void socket.destroy())
  const when = (isReached: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!isReached() && !isClosed) return
        watchers.delete(look)
        if (isReached()) resolve(text)
        else reject(new Error(`closed early: ${text}`))
      }
      watchers.add(look)
      look()
    })
  return {
    socket,
    get text() {
      return text
    },
    write: (bytes) => void socket.write(bytes),
    until: (wanted) => when(() => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))),
    closed: () => when(() => isClosed),
  }
}

/** A chat request as bytes. `lines` are header lines without their ends. */
export function chatRequest(body: object | string, lines: readonly string[] = []): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: gateway', `Content-Length: ${Buffer.byteLength(text)}`, ...lines]
  return `${head.join('\r\n')}\r\n\r\n${text}`
}

/** The smallest body for a model. */
export function chatBody(model: string, more: object = {}): object {
  return { model, messages: [{ role: 'user', content: 'hi' }], ...more }
}
