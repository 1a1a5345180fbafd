import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Job, type Measurement, openWindow } from './job.ts'

/**
 * Requests at a fixed rate whether or not earlier ones have been answered, so that a slow answer is not left out of the
 * percentiles by the wait that it causes. autocannon sends a second's requests in one burst and keeps whole milliseconds.
 */
export async function steady(job: Job): Promise<Measurement> {
  const agent = new Agent({ keepAlive: true, maxSockets: job.connections })
  const latencies: number[] = []
  let failures = 0
  const send = async (isCounted: boolean): Promise<void> => {
    const ms = await timed(job, agent)
    if (ms === undefined) failures += 1
    else if (isCounted) latencies.push(ms)
  }
  const rate = job.rate ?? 500
  await sendAtRate(rate, job.warmSeconds, () => void send(false))
  const close = openWindow(job.pids, () => latencies.length)
  await sendAtRate(rate, job.seconds, () => void send(true))
  const counted = close()
  await sleep(100)
  agent.destroy()
  return { ...counted, failures, latencies: latencies.sort((a, b) => a - b) }
}

async function sendAtRate(rate: number, seconds: number, send: () => void): Promise<void> {
  const begin = performance.now()
  const total = rate * seconds
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, ((performance.now() - begin) / 1000) * rate)
    for (; sent < due; sent++) send()
    await sleep(1)
  }
}

/** Milliseconds until the answer was whole; undefined where it failed. */
function timed(job: Job, agent: Agent): Promise<number | undefined> {
  const begin = performance.now()
  return new Promise((resolve) => {
    const options = { agent, host: '127.0.0.1', port: job.port, path: job.path, method: 'POST', headers: job.headers }
    const call = request(options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200 ? performance.now() - begin : undefined))
      response.on('error', () => resolve(undefined))
    })
    call.on('error', () => resolve(undefined))
    call.end(job.body)
  })
}
