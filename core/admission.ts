import type { Context } from './context.ts'
import type { Deadline } from './deadlines.ts'
import { GatewayError } from './errors.ts'
import type { Runtime } from './runtime.ts'
import type { ProviderSettings } from './snapshot.ts'

/** What a client that met a full queue is told to wait, in milliseconds. */
const RETRY_AFTER_MS = 1_000

/**
 * Takes one of a provider's process-wide places (`concurrency`): at once where one is free, else after a wait in its queue
 * (`buffer_size`). A full queue refuses at once with `client.drop_excess_requests`, and otherwise waits as the queue does.
 * No wait is longer than the request timeout. The place must be given back once, by `release`.
 * Throws or rejects with GW_QUEUE_FULL, or GW_CANCELLED when the client leaves.
 */
export function admit(runtime: Runtime, ctx: Context, provider: ProviderSettings): undefined | Promise<void> {
  if (runtime.shared.inFlight.tryTake(provider.slot, provider.concurrency)) return undefined
  if (ctx.isAborted) throw new GatewayError('GW_CANCELLED')
  const isQueued = runtime.shared.queue.tryEnter(provider.slot, provider.bufferSize)
  if (!isQueued && ctx.client.dropExcessRequests) throw queueFull(provider)
  return waitForPlace(runtime, ctx, provider).finally(() => {
    if (isQueued) runtime.shared.queue.leave(provider.slot)
  })
}

/** Gives the place back. */
export function release(runtime: Runtime, provider: ProviderSettings): void {
  runtime.shared.inFlight.give(provider.slot)
}

function waitForPlace(runtime: Runtime, ctx: Context, provider: ProviderSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      leaveLine()
      runtime.deadlines.delete(deadline)
      stopListening()
    }
    const fail = (error: GatewayError): void => {
      leave()
      reject(error)
    }
    const deadline: Deadline = {
      at: runtime.deadlines.clock.now() + provider.network.requestTimeoutMs,
      onReached: () => fail(queueFull(provider)),
    }
    const leaveLine = runtime.shared.waitForRoom(provider.slot, () => {
      if (!runtime.shared.inFlight.tryTake(provider.slot, provider.concurrency)) return false
      runtime.deadlines.delete(deadline)
      stopListening()
      resolve()
      return true
    })
    runtime.deadlines.add(deadline)
    const stopListening = ctx.onAbort(() => fail(new GatewayError('GW_CANCELLED')))
  })
}

function queueFull(provider: ProviderSettings): GatewayError {
  return new GatewayError('GW_QUEUE_FULL', { provider: provider.name, retryAfterMs: RETRY_AFTER_MS })
}
