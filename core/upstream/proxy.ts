import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import { parseHead } from './head.ts'
import type { Target } from './types.ts'

type Proxy = NonNullable<Target['proxy']>

/** One step of a handshake: given the proxy's bytes so far. */
interface Step {
  /** Bytes needed before `take` can run; -1: not known yet, wait for more. */
  size(bytes: Buffer): number
  /** Reads the proxy's answer; gives what to send next, or throws with the reason. */
  take(bytes: Buffer): Buffer | undefined
}

interface Handshake {
  hello: Buffer
  steps: readonly Step[]
}

const MAX_ANSWER_BYTES = 16_384
const HEAD_END = Buffer.from('\r\n\r\n')

const SOCKS_REASONS: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time to live expired',
  7: 'command not supported',
  8: 'address type not supported',
}

/**
 * Asks the proxy on a connected socket for a tunnel to the target. `done` is called once: without an error the socket's next
 * bytes are the target's. The socket's own errors and time limits are the caller's.
 */
export function openTunnel(socket: Socket, target: Target, done: (error: Error | undefined) => void): void {
  const proxy = target.proxy as Proxy
  const handshake = proxy.type === 'http' ? httpConnect(proxy, target) : socks5(proxy, target)
  let bytes: Buffer = Buffer.alloc(0)
  let step = 0
  const finish = (error?: Error) => {
    socket.off('data', read)
    done(error)
  }
  const read = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    try {
      for (let size = sizeOf(step, bytes); size >= 0 && bytes.length >= size; size = sizeOf(step, bytes)) {
        const reply = (handshake.steps[step++] as Step).take(bytes.subarray(0, size))
        bytes = bytes.subarray(size)
        if (reply) socket.write(reply)
        if (step === handshake.steps.length) break
      }
    } catch (error) {
      finish(error as Error)
      return
    }
    if (bytes.length > MAX_ANSWER_BYTES) finish(new Error('the proxy sent too much'))
    else if (step === handshake.steps.length)
      finish(bytes.length > 0 ? new Error('the proxy sent bytes before the target could') : undefined)
  }
  const sizeOf = (index: number, all: Buffer) => (handshake.steps[index] as Step).size(all)
  socket.on('data', read)
  socket.write(handshake.hello)
}

/** Host name without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname
}

function credentials(proxy: Proxy): { username: string; password: string } | undefined {
  const username = proxy.username ?? decodeURIComponent(proxy.url.username)
  if (username === '') return undefined
  return { username, password: proxy.password ?? decodeURIComponent(proxy.url.password) }
}

function httpConnect(proxy: Proxy, target: Target): Handshake {
  const host = bareHost(target.hostname)
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${target.port}`
  const login = credentials(proxy)
  const basic = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
  const authorization = basic === undefined ? '' : `proxy-authorization: Basic ${basic}\r\n`
  const hello = Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorization}\r\n`, 'latin1')
  return { hello, steps: [{ size: endOfHead, take: takeConnectAnswer }] }
}

function endOfHead(bytes: Buffer): number {
  const at = bytes.indexOf(HEAD_END)
  return at < 0 ? -1 : at + HEAD_END.length
}

function takeConnectAnswer(bytes: Buffer): undefined {
  const head = parseHead(bytes.toString('latin1'), bytes.length - 2)
  if (typeof head === 'string') throw new Error(`the proxy's answer is malformed: ${head}`)
  if (head.status < 200 || head.status > 299) throw new Error(`the proxy answered ${head.status} to CONNECT`)
}

/** RFC 1928, and RFC 1929 for the user name. The name goes to the proxy unresolved. */
function socks5(proxy: Proxy, target: Target): Handshake {
  const login = credentials(proxy)
  const connect = socksConnect(target)
  const method: Step = {
    size: () => 2,
    take(bytes) {
      if (bytes[0] !== 5) throw new Error('the proxy does not speak SOCKS5')
      if (bytes[1] !== (login ? 2 : 0)) throw new Error('the SOCKS5 proxy accepts no offered authentication')
      return login ? socksLogin(login) : connect
    },
  }
  const loginAnswer: Step = {
    size: () => 2,
    take(bytes) {
      if (bytes[1] !== 0) throw new Error('the SOCKS5 proxy refused the user name or password')
      return connect
    },
  }
  const connectAnswer: Step = { size: socksAnswerSize, take: takeSocksAnswer }
  return { hello: Buffer.from([5, 1, login ? 2 : 0]), steps: login ? [method, loginAnswer, connectAnswer] : [method, connectAnswer] }
}

function socksLogin(login: { username: string; password: string }): Buffer {
  const username = Buffer.from(login.username)
  const password = Buffer.from(login.password)
  if (username.length > 255 || password.length > 255) throw new Error('the SOCKS5 user name or password is over 255 bytes')
  return Buffer.concat([Buffer.from([1, username.length]), username, Buffer.from([password.length]), password])
}

function socksConnect(target: Target): Buffer {
  const host = bareHost(target.hostname)
  const port = Buffer.from([target.port >> 8, target.port & 255])
  if (isIP(host) === 4) return Buffer.concat([Buffer.from([5, 1, 0, 1, ...host.split('.').map(Number)]), port])
  if (isIP(host) === 6) return Buffer.concat([Buffer.from([5, 1, 0, 4]), ipv6Bytes(host), port])
  const name = Buffer.from(host)
  return Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, port])
}

function ipv6Bytes(host: string): Buffer {
  const [before = '', after] = host.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const words = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]))
}

function socksAnswerSize(bytes: Buffer): number {
  if (bytes.length < 5) return -1
  const lengths: Readonly<Record<number, number>> = { 1: 10, 3: 7 + (bytes[4] as number), 4: 22 }
  return lengths[bytes[3] as number] ?? 5
}

function takeSocksAnswer(bytes: Buffer): undefined {
  const code = bytes[1] as number
  if (bytes[0] !== 5) throw new Error('the proxy does not speak SOCKS5')
  if (code !== 0) throw new Error(`the SOCKS5 proxy failed: ${SOCKS_REASONS[code] ?? `code ${code}`}`)
}
