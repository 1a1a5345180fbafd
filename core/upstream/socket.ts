import type { LookupAddress } from 'node:dns'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import type { Resolver } from './dns.ts'
import { isMetadataAddress, isMetadataHost } from './metadata.ts'
import { bareHost, openTunnel } from './proxy.ts'
import { type DialPhase, type Target, UpstreamFault } from './types.ts'

/** What the socket factory needs for one socket. */
export interface DialRequest {
  target: Target
  resolver: Resolver
  /** Trust of the target, where it speaks TLS; of the proxy, where that is reached by TLS itself. */
  context: SecureContext | undefined
  proxyContext: SecureContext | undefined
  /** A TLS session to resume. */
  session: Buffer | undefined
  /** Every read of the finished socket. The buffer is the caller's `scratch` or a fresh one; either may be overwritten. */
  read(length: number, buffer: Buffer): void
  /** Shared by all sockets of a thread: a read is handled before the next one starts. */
  scratch: Buffer
}

/** Exactly one of `onReady` and `onFault`, unless it is cancelled. */
export interface DialEvents {
  /** Connected, through the proxy and the handshake; for TLS the peer has proven its name. Error listeners are the receiver's now. */
  onReady(socket: Socket): void
  onFault(fault: UpstreamFault): void
  onSession(session: Buffer): void
}

const ATTEMPT_MS = 1000
/** The system's default would notice a dead peer after two hours (providers.md 6.1; Node cannot set interval and count). */
const KEEP_ALIVE_DELAY_MS = 10_000
/** Errors of the network have errno names; everything else that ends a handshake is about trust or the protocol. */
const NETWORK_CODE = /^E(?!PROTO$)[A-Z0-9]+$/

const METADATA_REFUSAL = "the address is a cloud's metadata service (network_config.allow_metadata_addresses)"

/** A socket on its way. */
export interface Dialing {
  readonly phase: DialPhase
  cancel(): void
}

/** Opens a socket of any kind: plain, TLS, through a proxy, unix. The time limit is the caller's. */
export function dial(request: DialRequest, events: DialEvents): Dialing {
  const dialer = new Dialer(request, events)
  dialer.start()
  return dialer
}

class Dialer implements Dialing {
  phase: DialPhase = 'connection'
  private readonly request: DialRequest
  private readonly events: DialEvents
  private socket: Socket | undefined
  private isSettled = false
  /** The TCP connection stands: from here on an error that is no errno is one of TLS. */
  private isConnected = false

  constructor(request: DialRequest, events: DialEvents) {
    this.request = request
    this.events = events
  }

  start(): void {
    try {
      this.refuseMetadata(this.request.target.socketPath ? '' : this.request.target.hostname)
      if (this.request.target.proxy) this.dialProxy()
      else this.dialDirect()
    } catch (error) {
      process.nextTick(() => this.fail(error as Error))
    }
  }

  cancel(): void {
    this.isSettled = true
    this.socket?.destroy()
  }

  private dialDirect(): void {
    const { target, scratch, read } = this.request
    const onread = {
      buffer: scratch,
      callback: (length: number) => {
        read(length, scratch)
        return true
      },
    }
    const address = { ...this.addressOf(target.hostname, target.port), ...(target.socketPath ? { path: target.socketPath } : {}), onread }
    if (target.protocol === 'https:') this.handshake({ ...address, ...this.trustOfTarget() }, (socket) => this.finish(socket))
    else {
      const socket = this.watch(connectTcp(address))
      socket.once('connect', () => this.finish(socket))
    }
  }

  private dialProxy(): void {
    const { target, proxyContext } = this.request
    const url = (target.proxy as NonNullable<Target['proxy']>).url
    const isSecure = url.protocol === 'https:'
    const host = bareHost(url.hostname)
    this.refuseMetadata(host)
    const port = Number(url.port) || (isSecure ? 443 : target.proxy?.type === 'socks5' ? 1080 : 80)
    const address = this.addressOf(host, port)
    if (isSecure) {
      this.handshake({ ...address, secureContext: proxyContext, servername: serverName(host) }, (socket) => {
        this.isConnected = false
        this.askForTunnel(socket)
      })
      return
    }
    const socket = this.watch(connectTcp(address))
    socket.once('connect', () => this.askForTunnel(socket))
  }

  private askForTunnel(socket: Socket): void {
    try {
      openTunnel(socket, this.request.target, (error) => (error ? this.fail(error) : this.leaveTunnel(socket)))
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** The tunnel stands: its bytes are the target's. */
  private leaveTunnel(socket: Socket): void {
    const receive = (connected: Socket) => {
      connected.on('data', (chunk: Buffer) => this.request.read(chunk.length, chunk))
      this.finish(connected)
    }
    if (this.request.target.protocol !== 'https:') {
      receive(socket)
      return
    }
    this.isConnected = true
    this.handshake({ socket, host: bareHost(this.request.target.hostname), ...this.trustOfTarget() }, receive)
  }

  private handshake(options: ConnectionOptions, done: (socket: TLSSocket) => void): void {
    const socket = connectTls({ ALPNProtocols: ['http/1.1'], ...options })
    this.watch(socket)
    if (options.socket) this.phase = 'handshake'
    socket.once('connect', () => {
      this.isConnected = true
      this.phase = 'handshake'
    })
    socket.once('secureConnect', () => done(socket))
    if (options.secureContext === this.request.context) socket.on('session', this.events.onSession)
  }

  /** At connect time, on what a name has become: a name may lead elsewhere than when the configuration was read. */
  private metadataRefusal(address: string | readonly LookupAddress[]): Error | null {
    if (this.request.target.allowsMetadata === true) return null
    const addresses = typeof address === 'string' ? [address] : address.map((one) => one.address)
    return addresses.some(isMetadataAddress) ? new Error(METADATA_REFUSAL) : null
  }

  private refuseMetadata(host: string): void {
    if (this.request.target.allowsMetadata !== true && isMetadataHost(host)) throw new Error(METADATA_REFUSAL)
  }

  private addressOf(hostname: string, port: number) {
    const { connectTimeoutMs } = this.request.target
    const lookup: Resolver['lookup'] = (name, options, callback) => {
      this.phase = 'name'
      this.request.resolver.lookup(name, options, (error, address, family) => {
        this.phase = 'connection'
        const refusal = error ?? this.metadataRefusal(address)
        callback(refusal, refusal ? [] : address, family)
      })
    }
    return {
      host: bareHost(hostname),
      port,
      lookup,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(ATTEMPT_MS, connectTimeoutMs >> 1)),
    }
  }

  private trustOfTarget(): ConnectionOptions {
    const { target, context, session } = this.request
    return {
      secureContext: context,
      servername: serverName(bareHost(target.hostname)),
      rejectUnauthorized: !target.insecureSkipVerify,
      ...(session ? { session } : {}),
    }
  }

  private watch<S extends Socket>(socket: S): S {
    this.socket = socket
    socket.on('error', this.fail)
    socket.on('close', this.closed)
    return socket
  }

  private finish(socket: Socket): void {
    if (this.isSettled) return
    this.isSettled = true
    socket.off('close', this.closed)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    this.events.onReady(socket)
  }

  private readonly closed = (): void => this.fail(new Error('the connection was closed before it was ready'))

  /** Stays on every socket: an error that comes after cancelling has no other listener. */
  private readonly fail = (error: Error): void => {
    if (this.isSettled) return
    this.isSettled = true
    this.socket?.destroy()
    this.events.onFault(faultOf(error, this.isConnected && this.request.target.protocol === 'https:'))
  }
}

/** Server name for SNI and the certificate's check; an address has none and is checked by `host`. */
function serverName(host: string): string {
  return isIP(host) === 0 ? host : ''
}

function faultOf(error: Error & { code?: string }, isHandshake: boolean): UpstreamFault {
  const isTrust = isHandshake && error.code !== undefined && !NETWORK_CODE.test(error.code)
  return new UpstreamFault(isTrust ? 'tls' : 'connect', messageOf(error), true, error)
}

/** Words of an error; of each attempt when several addresses failed. */
function messageOf(error: Error): string {
  const parts =
    error instanceof AggregateError ? error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))) : []
  return error.message || parts.join('; ') || 'the connection failed'
}
