import { unlink } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { type App, closeListenSocket, type ListenSocket, portOf } from './uws.ts'

/** Sockets that accept. */
export interface Listeners {
  /** 0 where only unix sockets are open. */
  readonly port: number
  /** Stops accepting; accepted connections stay. */
  close(): void
}

const UNIX = 'unix:'
/** The library's LIBUS_LISTEN_EXCLUSIVE_PORT: without it two gateways that start at once both take the port. */
const EXCLUSIVE = 1
/** Tries to find a port that is free on both loopback addresses. */
const PORT_TRIES = 10

/**
 * Opens listeners on every host: a name, an address, or `unix:/path`. `localhost` is both 127.0.0.1 and, where the machine has it, ::1.
 * Port 0 takes a free one, the same on all. Errors are sentences for the operator; nothing is left open then.
 */
export async function openListeners(app: App, hosts: readonly string[], port: number): Promise<Listeners> {
  const sockets: ListenSocket[] = []
  const close = (): void => {
    for (const socket of sockets.splice(0)) closeListenSocket(socket)
  }
  try {
    const addresses = uniqueAddresses(hosts.filter((host) => !host.startsWith(UNIX)))
    const free = addresses.length === 0 ? { port: 0, addresses } : await findPort(addresses, port)
    for (const address of free.addresses) sockets.push(await listen(app, address, free.port))
    for (const host of hosts) if (host.startsWith(UNIX)) sockets.push(await listenUnix(app, host.slice(UNIX.length)))
    return { port: free.port, close }
  } catch (error) {
    close()
    throw error
  }
}

interface Address {
  host: string
  /** The machine may lack it. */
  isOptional: boolean
}

/** `localhost` and `127.0.0.1` are one address; where one of the two must be there, it must. */
function uniqueAddresses(hosts: readonly string[]): Address[] {
  const byHost = new Map<string, Address>()
  for (const address of hosts.flatMap(addressesOf)) if (byHost.get(address.host)?.isOptional !== false) byHost.set(address.host, address)
  return [...byHost.values()]
}

function addressesOf(host: string): Address[] {
  if (host !== 'localhost') return [{ host: host.replace(/^\[(.*)\]$/, '$1'), isOptional: false }]
  return [
    { host: '127.0.0.1', isOptional: false },
    { host: '::1', isOptional: true },
  ]
}

/** The library does not say why it cannot listen, so each address is tried with node:net first. */
async function findPort(addresses: readonly Address[], wanted: number): Promise<{ port: number; addresses: Address[] }> {
  for (let attempt = 1; ; attempt++) {
    let port = wanted
    const usable: Address[] = []
    try {
      for (const address of addresses) {
        const probed = await probe(address, port)
        if (probed === undefined) continue
        port = probed
        usable.push(address)
      }
      return { port, addresses: usable }
    } catch (error) {
      const isCollision = wanted === 0 && (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isCollision || attempt === PORT_TRIES) throw explain(error as NodeJS.ErrnoException, port)
    }
  }
}

/** The port that is free at the address; undefined where the machine lacks an optional one. */
function probe({ host, isOptional }: Address, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'
      if (isOptional && isMissing) resolve(undefined)
      else reject(Object.assign(error, { address: host }))
    })
    server.listen({ host, port, exclusive: true }, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : port))
    })
  })
}

const REASONS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `port ${port} on ${host} is in use: stop the program that listens there, or choose another port with --port`,
  EACCES: (host, port) => `port ${port} on ${host} needs privileges: choose one above 1023 with --port`,
  EADDRNOTAVAIL: (host) => `${host} is not an address of this machine: choose another with --host`,
  ENOTFOUND: (host) => `host ${host} is unknown: choose another with --host`,
}

function explain(error: NodeJS.ErrnoException & { address?: string }, port: number): Error {
  const host = error.address ?? 'this host'
  const sentence = REASONS[error.code ?? '']?.(host, port) ?? `cannot listen on ${host}, port ${port}: ${error.code ?? error.message}`
  return new Error(sentence, { cause: error })
}

function listen(app: App, { host }: Address, port: number): Promise<ListenSocket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, EXCLUSIVE, (socket) => {
      if (socket === false) reject(explain(Object.assign(new Error('in use'), { code: 'EADDRINUSE', address: host }), port))
      else if (portOf(socket) < 0) reject(new Error(`cannot listen on ${host}, port ${port}`))
      else resolve(socket)
    })
  })
}

/** The library takes a socket file away from a program that still listens on it, so that is asked first. */
async function listenUnix(app: App, path: string): Promise<ListenSocket> {
  if (await isAnswered(path)) throw new Error(`the socket ${path} is in use: stop the program that listens there, or choose another path`)
  await unlink(path).catch(() => undefined)
  return new Promise((resolve, reject) => {
    app.listen_unix((socket: ListenSocket | false) => {
      if (socket === false) reject(new Error(`cannot listen on the socket ${path}: check that its folder exists and can be written`))
      else resolve(socket)
    }, path)
  })
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
