import { createUpstreamClient } from '../../core/upstream/index.ts'
import type { UpstreamClient } from '../../core/upstream/types.ts'
import { type FaultBench, type FaultOptions, faultBench, startFaultBench } from './faults.ts'
import { openStream } from './open-stream.ts'

/** Time flies slowly here: while it does, another thread has to start and work. */
const STEP_MS = 0.05
/** The way that the pool takes: translated and streamed. */
export const POOLED = { side: 'anthropic', stream: true } as const

/** A gateway on a busy thread, whose translated streams run in the pool. */
export interface PooledBench extends FaultBench {
  /** Calls that the data thread made by itself. */
  readonly ownCalls: number
}

/** Starts it; its pool thread runs when this resolves. Call `close`. */
export async function startPooledBench(options: FaultOptions = {}): Promise<PooledBench> {
  const counter = countingUpstream()
  return warm(await startFaultBench({ stepMs: STEP_MS, pooled: true, upstream: counter.client, ...options }), counter)
}

/** The same, closed when the test that calls it ends. */
export async function pooledBench(options: FaultOptions = {}): Promise<PooledBench> {
  const counter = countingUpstream()
  return warm(await faultBench({ stepMs: STEP_MS, pooled: true, upstream: counter.client, ...options }), counter)
}

/** Waits for the pool thread without moving the clock. */
async function warm(bench: FaultBench, counter: { calls: number }): Promise<PooledBench> {
  await (await openStream(bench, POOLED, 'empty')).rest()
  await bench.settled()
  bench.upstream.requests.length = 0
  counter.calls = 0
  return Object.defineProperty(bench, 'ownCalls', { get: () => counter.calls }) as PooledBench
}

function countingUpstream(): { calls: number; client: UpstreamClient } {
  const client = createUpstreamClient()
  const counter = { calls: 0, client }
  const open: UpstreamClient['open'] = client.open.bind(client)
  client.open = (...call) => {
    counter.calls++
    return open(...call)
  }
  return counter
}
