import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

function join(one: Socket, port: number, established: Buffer | string): void {
  const other = connect(port, '127.0.0.1', () => {
    one.write(established)
    one.pipe(other)
    other.pipe(one)
  })
  other.on('error', () => one.destroy())
  one.on('close', () => other.destroy())
}

/** A CONNECT proxy that sends every tunnel to `port` and notes what was asked. */
export function connectProxy(port: number, asked: string[]): (socket: Socket) => void {
  return (socket) =>
    void socket.once('data', (head: Buffer) => {
      asked.push(head.toString('latin1'))
      join(socket, port, 'HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n')
    })
}

/** A SOCKS5 proxy that answers byte by byte, wants `login` (user:pass) if given, and notes the addresses. */
export function socksProxy(port: number, asked: string[], login?: string): (socket: Socket) => void {
  return async (socket) => {
    socket.setNoDelay(true)
    const next = async () => (await once(socket, 'data'))[0] as Buffer
    const drip = async (bytes: number[]) => {
      for (const byte of bytes) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve))
    }
    await next()
    let request = next()
    await drip([5, login ? 2 : 0])
    if (login) {
      const sent = await request
      const length = sent[1] as number
      const got = `${sent.subarray(2, 2 + length)}:${sent.subarray(3 + length)}`
      request = next()
      await drip([1, got === login ? 0 : 1])
      if (got !== login) return
    }
    const bytes = await request
    asked.push(bytes[3] === 3 ? bytes.subarray(5, -2).toString() : [...bytes.subarray(4, -2)].join('.'))
    const last = bytes[3] === 3 ? [5, 0, 0, 3, 1, 97, 0, 0] : [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    socket.pause()
    await drip(last.slice(0, -1))
    join(socket, port, Buffer.from(last.slice(-1)))
  }
}
