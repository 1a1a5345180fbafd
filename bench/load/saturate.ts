import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { type Job, type Measurement, openWindow } from './job.ts'

/** As many requests as the server takes, by autocannon: every connection sends the next when its answer is whole. */
export async function saturate(job: Job): Promise<Measurement> {
  let answers = 0
  const run = autocannon({
    url: `http://127.0.0.1:${job.port}${job.path}`,
    method: 'POST',
    headers: job.headers,
    body: job.body,
    connections: job.connections,
    duration: job.warmSeconds + job.seconds + 1,
  })
  run.on('response', () => {
    answers += 1
  })
  await sleep(job.warmSeconds * 1000)
  const close = openWindow(job.pids, () => answers)
  await sleep(job.seconds * 1000)
  const counted = close()
  run.stop()
  const { errors, non2xx } = await run
  return { ...counted, failures: errors + non2xx, latencies: [] }
}
