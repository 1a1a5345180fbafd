import type { Job, Measurement, Report } from './job.ts'
import { paced } from './paced.ts'
import { saturate } from './saturate.ts'
import { steady } from './steady.ts'

const LOADS = { saturate, paced, steady } satisfies Record<Job['kind'], (job: Job) => Promise<Measurement>>

/** The load process: a job comes by message, its measurement or the reason why there is none goes back. It ends when its parent does. */
process.on('message', (job: Job) => {
  LOADS[job.kind](job).then(
    (measurement) => process.send?.({ measurement } satisfies Report),
    (error: unknown) => process.send?.({ problem: String(error) } satisfies Report),
  )
})
process.on('disconnect', () => process.exit(0))
