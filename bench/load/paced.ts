import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Job, type Measurement, openWindow, requestBytes } from './job.ts'

const STREAM_END = Buffer.from('\r\n0\r\n\r\n')
const OK = 'HTTP/1.1 200'
/** Gaps that are kept for percentiles; more would cost the load process what it should not cost. */
const MAX_GAPS = 50_000

interface Tally {
  events: number
  failures: number
  isCounting: boolean
  gaps: number[]
}

/** Long streams on their own connections, all at once; counts the events that arrive and the time between reads. */
export async function paced(job: Job): Promise<Measurement> {
  const tally: Tally = { events: 0, failures: 0, isCounting: false, gaps: [] }
  const request = requestBytes(job)
  const sockets: Socket[] = []
  const everyMs = (job.warmSeconds * 500) / job.connections
  for (let i = 0; i < job.connections; i++) {
    sockets.push(openStream(job, request, tally))
    await sleep(everyMs)
  }
  await sleep(job.warmSeconds * 500)
  tally.isCounting = true
  const close = openWindow(job.pids, () => tally.events)
  await sleep(job.seconds * 1000)
  const counted = close()
  tally.isCounting = false
  const { failures } = tally
  for (const socket of sockets) socket.destroy()
  return { ...counted, failures, latencies: tally.gaps.sort((a, b) => a - b) }
}

/** One connection that asks for the next stream when one has ended. */
function openStream({ port, mark }: Job, request: Buffer, tally: Tally): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request))
  let isFirst = true
  let last = 0
  let tail: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    const now = performance.now()
    if (isFirst) {
      if (!bytes.toString('latin1', 0, OK.length).startsWith(OK)) tally.failures += 1
    } else if (tally.isCounting && tally.gaps.length < MAX_GAPS) tally.gaps.push(now - last)
    last = now
    tally.events += countMarks(bytes, tail, mark)
    tail = bytes.subarray(-(mark.length - 1))
    isFirst = endsStream(bytes)
    if (isFirst) socket.write(request)
  })
  const fail = (): void => {
    if (!socket.destroyed) tally.failures += 1
  }
  socket.on('error', fail)
  socket.on('end', fail)
  return socket
}

function endsStream(bytes: Buffer): boolean {
  return bytes.length >= STREAM_END.length && bytes.subarray(-STREAM_END.length).equals(STREAM_END)
}

/** Events in these bytes, by the text that each holds once; `tail` is the end of the bytes before them, so that a mark cut in two is seen. */
export function countMarks(bytes: Buffer, tail: Buffer, mark: string): number {
  let count = Buffer.concat([tail, bytes.subarray(0, mark.length - 1)]).includes(mark) ? 1 : 0
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) count += 1
  return count
}
