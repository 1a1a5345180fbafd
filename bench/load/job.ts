import { cpuSeconds } from '../process.ts'

/** One measurement of one server, run by the load process. */
export interface Job {
  kind: 'saturate' | 'paced' | 'steady'
  port: number
  path: string
  headers: Readonly<Record<string, string>>
  body: string
  /** What each event of a stream holds once. */
  mark: string
  connections: number
  /** Length of the window in seconds; warming up comes before it and is not counted. */
  seconds: number
  warmSeconds: number
  /** Requests a second; `steady` only. */
  rate?: number
  /** Processes of the measured server. */
  pids: readonly number[]
}

/** What was counted within the window. */
export interface Measurement {
  /** Whole answers, or for `paced` events. */
  count: number
  seconds: number
  /** CPU of the measured server's processes within the window. */
  cpuSeconds: number
  /** Answers that were not 200, and connections that broke. A measurement with failures is void. */
  failures: number
  /** Milliseconds, sorted: of an answer for `steady`, between two reads of a stream for `paced`. Empty for `saturate`. */
  latencies: readonly number[]
}

/** What the load process sends back. */
export type Report = { measurement: Measurement } | { problem: string }

/** Takes the time, a count and the server's CPU at both ends of a window. */
export function openWindow(pids: readonly number[], count: () => number): () => Pick<Measurement, 'count' | 'seconds' | 'cpuSeconds'> {
  const begin = { at: performance.now(), count: count(), cpu: cpuSeconds(pids) }
  return () => ({
    count: count() - begin.count,
    seconds: (performance.now() - begin.at) / 1000,
    cpuSeconds: cpuSeconds(pids) - begin.cpu,
  })
}

/** The request of a job as the bytes of HTTP/1.1. */
export function requestBytes(job: Job): Buffer {
  const headers = { host: `127.0.0.1:${job.port}`, ...job.headers, 'content-length': String(Buffer.byteLength(job.body)) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${job.path} HTTP/1.1\r\n${lines.join('')}\r\n${job.body}`)
}
