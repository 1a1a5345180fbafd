import type { Socket } from 'node:net'
import type { RequestHead } from './request-reader.ts'
import { parseHeaders } from './request-reader.ts'
import type { Ending } from './script.ts'

/** A connection as the provider saw it. */
export class SeenSocket {
  readonly id: number
  /** Requests that it brought. */
  requests = 0
  isOpen = true
  /** Settles when the connection has closed, whoever closed it. */
  readonly closed: Promise<void>
  readonly #socket: Socket

  constructor(id: number, socket: Socket) {
    this.id = id
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.once('close', () => {
      this.isOpen = false
    })
  }

  /** Bytes handed to the kernel so far: what a paused reader lets through. */
  get bytesWritten(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  /** Ends the connection from the provider's side, as an idle timeout does. */
  end(): void {
    this.#socket.end()
  }

  /** Resets it. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }
}

/** A request as the provider saw it. */
export class SeenRequest {
  /** 0 for the first request of the server. */
  readonly id: number
  readonly socketId: number
  readonly method: string
  readonly path: string
  readonly body: Buffer
  /** The head as it came, in latin1. */
  readonly headText: string
  /** Settles when its answer is complete or its connection has closed. */
  readonly closed: Promise<Ending>
  /** `performance.now()` of its last byte. */
  readonly receivedAt = performance.now()
  /** `performance.now()` of its end; undefined while it runs. */
  closedAt: number | undefined
  /** How it ended; undefined while it runs. */
  ending: Ending | undefined
  readonly #settle: (ending: Ending) => void

  constructor(id: number, socketId: number, head: RequestHead, body: Buffer) {
    this.id = id
    this.socketId = socketId
    this.method = head.method
    this.path = head.path
    this.headText = head.text
    this.body = body
    const { promise, resolve } = Promise.withResolvers<Ending>()
    this.closed = promise
    this.#settle = resolve
  }

  /** Headers by lower-case name. */
  get headers(): ReadonlyMap<string, string> {
    return parseHeaders(this.headText)
  }

  /** The body, parsed. Throws where it is not JSON. */
  get json(): Record<string, unknown> {
    return JSON.parse(this.body.toString()) as Record<string, unknown>
  }

  /** The credential: of `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `api-key`. */
  get key(): string {
    return keyOf(this.headText)
  }

  /** Called once by the server. */
  end(ending: Ending): void {
    this.closedAt = performance.now()
    this.ending = ending
    this.#settle(ending)
  }
}

/** The credential in a head; empty without one. */
export function keyOf(headText: string): string {
  return /\r\n(?:authorization: *bearer|x-api-key:|x-goog-api-key:|api-key:) *([^\r]*)/i.exec(headText)?.[1] ?? ''
}
