import type { Socket } from 'node:net'
import { flushAtTurnEnd } from '../turn-end.ts'
import type { Call } from './call.ts'
import { ResponseParser } from './parser.ts'
import { BodyCursor, bodyLength, joinSmall, requestHead } from './request.ts'
import { type Dialing, dial } from './socket.ts'
import { type DialPhase, type Target, UpstreamFault } from './types.ts'

const WAITED_FOR: Record<DialPhase, string> = {
  name: 'address of the name',
  connection: 'connection',
  handshake: 'end of the TLS handshake',
}

/** The peer ended TLS and said why. */
const TLS_ALERT = /^ERR_SSL_.*ALERT/

/** What a connection needs of the pool that holds it. */
export interface ConnectionOwner {
  readonly target: Target
  /** Request headers that are the same for every call. */
  readonly hostLine: string
  dialOptions(): Omit<Parameters<typeof dial>[0], 'read'>
  onSession(session: Buffer | undefined): void
  /** Connected without a call, or its answer is over and another may follow. */
  release(connection: Connection, keepAliveMs: number): void
  /** Gone for good; `replay` needs a fresh connection in its place, ahead of those who wait. */
  remove(connection: Connection, replay: Call | undefined): void
}

/** One socket with its parser, serving one call after the other; listeners are attached once. */
export class Connection {
  /** When it was opened, on the pool's clock. */
  readonly bornAt: number
  /** On the pool's clock: of connecting while that lasts, then of idleness. */
  deadline: number
  call: Call | undefined
  private readonly owner: ConnectionOwner
  private readonly parser = new ResponseParser()
  private socket: Socket | undefined
  private dialing: Dialing | undefined
  private cursor: BodyCursor | undefined
  private joined: Buffer | undefined
  /** Has been idle: the peer may have closed it before the call's first byte arrived. */
  private isReused = false
  private hasRead = false
  private isClosed = false

  constructor(owner: ConnectionOwner, now: number, call: Call | undefined) {
    this.owner = owner
    this.bornAt = now
    this.deadline = now + owner.target.connectTimeoutMs
    this.call = call
    if (call) call.connection = this
  }

  get isConnecting(): boolean {
    return this.socket === undefined
  }

  get isIdle(): boolean {
    return this.call === undefined && this.socket !== undefined
  }

  /** False between the death of the socket and the event that says so. */
  get isAlive(): boolean {
    return this.socket?.destroyed === false
  }

  /** Starts connecting; the call, if any, is sent as soon as the socket is ready and trusted. */
  open(): void {
    try {
      this.dialing = dial(
        { ...this.owner.dialOptions(), read: (length, buffer) => this.onRead(length, buffer) },
        {
          onReady: (socket) => this.onReady(socket),
          onFault: (fault) => this.failConnect(fault),
          onSession: (session) => this.owner.onSession(session),
        },
      )
    } catch (error) {
      const fault = new UpstreamFault('tls', `the certificates cannot be read: ${(error as Error).message}`, true, error)
      process.nextTick(() => this.failConnect(fault))
    }
  }

  /** Sends a call on an idle connection. */
  start(call: Call): void {
    this.call = call
    call.connection = this
    this.send(call)
  }

  timeOutConnect(): void {
    const phase = this.dialing?.phase ?? 'connection'
    const fault = new UpstreamFault('connect-timeout', `no ${WAITED_FOR[phase]} within ${this.owner.target.connectTimeoutMs} ms`, true)
    fault.phase = phase
    this.failConnect(fault)
  }

  pause(): void {
    this.socket?.pause()
  }

  resume(): void {
    this.socket?.resume()
  }

  /** Destroys the socket and leaves the pool; the call hears nothing. */
  close(replay?: Call): void {
    if (this.isClosed) return
    this.isClosed = true
    this.parser.stop()
    if (this.call) this.call.connection = undefined
    this.call = undefined
    this.cursor = undefined
    this.dialing?.cancel()
    this.socket?.destroy()
    this.owner.remove(this, replay)
  }

  private onReady(socket: Socket): void {
    this.socket = socket
    this.dialing = undefined
    socket.on('end', () => this.onFin())
    socket.on('error', (error) => this.lose('the connection was reset', error))
    socket.on('close', () => this.lose('the connection was closed'))
    socket.on('drain', () => this.pump())
    if (this.call) this.send(this.call)
    else {
      this.isReused = true
      this.owner.release(this, -1)
    }
  }

  private failConnect(fault: UpstreamFault): void {
    const call = this.call
    if (fault.kind === 'tls') this.owner.onSession(undefined)
    this.close()
    call?.fail(fault)
  }

  private send(call: Call): void {
    const { request } = call
    this.hasRead = false
    this.parser.start(call, request.method === 'HEAD')
    if (call.isPaused) this.pause()
    const length = bodyLength(request.body)
    const head = requestHead(request, this.owner.hostLine, length)
    const joined = joinSmall(head, request.body, length)
    if (!joined) return this.sendBig(head, request.body)
    this.joined = joined
    flushAtTurnEnd(this)
  }

  /** Sends the small request that waits for the end of the turn, if its call has not been given up by then. */
  flush(): void {
    const { joined } = this
    this.joined = undefined
    if (joined && this.call && !this.isClosed) this.socket?.write(joined)
  }

  /** One slice at a time: the next is written when the socket has taken the last, so that a body is not copied whole into TLS. */
  private sendBig(head: string, body: readonly Uint8Array[]): void {
    this.cursor = new BodyCursor(body)
    this.socket?.cork()
    this.socket?.write(head, 'latin1')
    this.pump()
    this.socket?.uncork()
  }

  private pump(): void {
    while (this.cursor !== undefined) {
      const slice = this.cursor.next()
      if (slice === undefined) this.cursor = undefined
      else if (this.socket?.write(slice) === false) return
    }
  }

  private onRead(length: number, buffer: Buffer): void {
    if (this.call === undefined) {
      this.close()
      return
    }
    this.hasRead = true
    let isSound = false
    try {
      const at = this.parser.execute(buffer, length)
      isSound = true
      if (this.parser.isDone) this.complete(at === length)
      else if (this.parser.fault !== undefined) this.refuse(this.parser.fault)
    } finally {
      // A handler threw: its call is lost, the slot in the pool must not be.
      if (!isSound) this.close()
    }
  }

  private refuse(reason: string): void {
    const call = this.call
    this.close()
    call?.fail(new UpstreamFault('protocol', `the answer is not valid HTTP: ${reason}`, false))
  }

  /** The answer is over. The connection goes back first, so that a call made by the handler's last callback can have it. */
  private complete(isClean: boolean): void {
    const call = this.call
    const socket = this.socket
    if (call === undefined || socket === undefined) return
    const { keepsAlive, keepAliveMs } = this.parser
    // Lets go of the call: an idle connection would otherwise hold its request's body.
    this.parser.stop()
    const isSent = this.cursor === undefined && socket.writableLength === 0
    if (isClean && keepsAlive && isSent && !socket.destroyed) {
      this.call = undefined
      call.connection = undefined
      this.isReused = true
      // Paused by the reader, or by a decoder that was full: an idle socket must see its FIN.
      if (socket.isPaused()) socket.resume()
      this.owner.release(this, keepAliveMs)
    } else this.close()
    call.complete()
  }

  private onFin(): void {
    if (this.call && this.parser.finish()) this.complete(false)
    else this.lose('the upstream closed the connection before the answer was complete')
  }

  private lose(reason: string, error?: Error): void {
    if (this.isClosed) return
    const call = this.call
    const canReplay = call !== undefined && this.isReused && !this.hasRead && !call.isReplayed
    this.close(canReplay ? call : undefined)
    // TLS 1.3 is ready before the peer has looked at the client's certificate: its refusal comes as an alert to the first request.
    const isRefused = !this.hasRead && TLS_ALERT.test((error as NodeJS.ErrnoException | undefined)?.code ?? '')
    if (!canReplay) call?.fail(new UpstreamFault(isRefused ? 'tls' : 'reset', reasonOf(reason, error), !this.hasRead, error))
  }
}

function reasonOf(reason: string, error: Error | undefined): string {
  return error ? `${reason}: ${error.message}` : reason
}
