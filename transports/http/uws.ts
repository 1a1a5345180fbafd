import type * as Native from 'uWebSockets.js'
import type { TlsMaterial } from '../../core/config/edge.ts'
import { withPrivateFiles } from './private-files.ts'

export type { HttpRequest, HttpResponse, us_listen_socket as ListenSocket } from 'uWebSockets.js'

/** An app with the methods that exist at run time and not in the package's types. */
export interface App extends Native.TemplatedApp {
  listen: Native.TemplatedApp['listen'] &
    ((host: string, port: number, options: number, done: (socket: Native.us_listen_socket | false) => void) => App)
  /** Names this app to an acceptor in another thread of the same process. A number, good while the app lives. */
  getDescriptor(): unknown
  /** Connections that this app accepts go to its children, round robin. */
  addChildAppDescriptor(descriptor: unknown): App
  /** A descriptor that is not a child is ignored. */
  removeChildAppDescriptor(descriptor: unknown): App
}

/** Where the process runs, as far as the choice of a prebuilt binary goes. */
export interface Runtime {
  platform: string
  arch: string
  nodeVersion: string
  isMusl: boolean
}

// Its value switches off the `uWebSockets: 20` line of each answer; there is no other way to.
const WITHOUT_BANNER = '999999990007'

const native = await load()
native._cfg(WITHOUT_BANNER)

/** Makes an app of this thread's event loop; with `tls` one that speaks nothing else. Throws where the certificate cannot be used. */
export function createApp(tls?: TlsMaterial): App {
  if (tls === undefined) return native.App() as App
  return withPrivateFiles(tls, (files) => native.SSLApp({ cert_file_name: files.cert, key_file_name: files.key }) as App)
}

/** Stops listening; connections that were accepted stay. */
export const closeListenSocket = native.us_listen_socket_close

/** The port of a listening socket. */
export const portOf = (socket: Native.us_listen_socket): number => native.us_socket_local_port(socket as Native.us_socket)

/** The sentence for a start where no prebuilt binary of uWebSockets.js fits. */
export function explainMissingBinary(runtime: Runtime): string {
  const where = `Node ${runtime.nodeVersion} on ${runtime.platform}-${runtime.arch}${runtime.isMusl ? ' with musl' : ''}`
  const remedy = runtime.isMusl ? 'use an image with glibc, such as Debian slim' : 'run it with Node 22 (npm start does)'
  return `uWebSockets.js has no binary for ${where}; it has them for Node 20 and 22 on glibc Linux, macOS and Windows: ${remedy}`
}

async function load(): Promise<typeof Native & { _cfg(value: string): void }> {
  try {
    return (await import('uWebSockets.js')) as typeof Native & { _cfg(value: string): void }
  } catch (cause) {
    throw new Error(explainMissingBinary(currentRuntime()), { cause })
  }
}

function currentRuntime(): Runtime {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  const isMusl = process.platform === 'linux' && report.header?.glibcVersionRuntime === undefined
  return { platform: process.platform, arch: process.arch, nodeVersion: process.versions.node, isMusl }
}
