import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'

/** Addresses of a name, or why there are none. */
export type AddressesCallback = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** What does the work: all addresses of a name, in the system's order. `dns.lookup` unless a test brings its own. */
export type LookupAll = (hostname: string, callback: AddressesCallback) => void

/** The `lookup` option of `net.connect` and `tls.connect`. */
export type SocketLookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
) => void

const FRESH_MS = 30_000
/** libuv runs at most half of its pool on names; more would only wait there, out of our sight. */
const MAX_IN_FLIGHT = 8
const NAMES_KEPT = 1000

interface Answer {
  addresses: readonly LookupAddress[]
  freshUntil: number
}

/**
 * Names to addresses, cached for 30 s. A name that cannot be looked up, or whose turn has not come because eight look-ups
 * are stuck, keeps its last addresses: a resolver's outage must not stop traffic to providers that we reached a minute ago.
 */
export class Resolver {
  private readonly lookupAll: LookupAll
  private readonly now: () => number
  private readonly answers = new Map<string, Answer>()
  private readonly pending = new Map<string, AddressesCallback[]>()
  private readonly queue: string[] = []
  private inFlight = 0

  constructor(now: () => number, lookupAll: LookupAll = lookupSystem) {
    this.now = now
    this.lookupAll = lookupAll
  }

  /** In the shape that sockets ask for. */
  readonly lookup: SocketLookup = (hostname, options, callback) => {
    this.resolve(hostname, (error, addresses) => {
      const wanted = options.family === 4 || options.family === 6 ? addresses.filter((one) => one.family === options.family) : addresses
      const first = wanted[0]
      if (error || first === undefined) callback(error ?? notFound(hostname), [])
      else if (options.all) callback(null, [...wanted])
      else callback(null, first.address, first.family)
    })
  }

  /** Calls back once, later or at once. */
  resolve(hostname: string, callback: AddressesCallback): void {
    const known = this.answers.get(hostname)
    if (known !== undefined && (this.now() < known.freshUntil || this.isCongested)) {
      callback(null, known.addresses)
      return
    }
    const waiting = this.pending.get(hostname)
    if (waiting !== undefined) {
      waiting.push(callback)
      return
    }
    this.pending.set(hostname, [callback])
    this.queue.push(hostname)
    this.next()
  }

  private get isCongested(): boolean {
    return this.inFlight >= MAX_IN_FLIGHT
  }

  private next(): void {
    if (this.isCongested) return
    const hostname = this.queue.shift()
    if (hostname === undefined) return
    this.inFlight++
    this.lookupAll(hostname, (error, addresses) => this.settle(hostname, error, addresses))
  }

  private settle(hostname: string, error: Error | null, addresses: readonly LookupAddress[]): void {
    this.inFlight--
    const callbacks = this.pending.get(hostname) ?? []
    this.pending.delete(hostname)
    if (!error && addresses.length > 0) this.remember(hostname, addresses)
    const known = this.answers.get(hostname)
    for (const callback of callbacks) callback(known ? null : (error ?? notFound(hostname)), known?.addresses ?? [])
    this.next()
  }

  private remember(hostname: string, addresses: readonly LookupAddress[]): void {
    this.answers.delete(hostname)
    this.answers.set(hostname, { addresses, freshUntil: this.now() + FRESH_MS })
    if (this.answers.size <= NAMES_KEPT) return
    for (const oldest of this.answers.keys()) {
      this.answers.delete(oldest)
      return
    }
  }
}

function lookupSystem(hostname: string, callback: AddressesCallback): void {
  systemLookup(hostname, { all: true, order: 'verbatim' }, callback)
}

function notFound(hostname: string): Error {
  return Object.assign(new Error(`no address for ${hostname}`), { code: 'ENOTFOUND' })
}
