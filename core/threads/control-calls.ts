import type { Context } from '../context.ts'
import type { Edge, Reply } from '../edge.ts'
import { GatewayError } from '../errors.ts'
import type { ControlReply, ControlRequest } from './messages.ts'

/** Requests of one data thread that may wait for the main thread at once. */
const MOST_PENDING = 256
/** The main thread runs no SQL and serves no model: what takes longer is stuck. */
const PATIENCE_MS = 10_000

/** Asks the main thread; always resolves: with 503 when too many wait, when it takes too long, or after `close`. */
export interface ControlCalls {
  ask(request: Omit<ControlRequest, 'id'>): Promise<ControlReply>
  /** The main thread's answer has come. */
  settle(reply: ControlReply): void
  close(): void
}

/** A data thread's side of the routes with `at: 'control'`: numbers each request and keeps who waits for its answer. */
export function createControlCalls(post: (request: ControlRequest) => void, patienceMs = PATIENCE_MS): ControlCalls {
  const pending = new Map<number, { resolve: (reply: ControlReply) => void; timer: NodeJS.Timeout }>()
  let lastId = 0

  function settle(reply: ControlReply): void {
    const waiter = pending.get(reply.id)
    if (!waiter) return
    pending.delete(reply.id)
    clearTimeout(waiter.timer)
    waiter.resolve(reply)
  }

  return {
    ask(request) {
      const id = ++lastId
      if (pending.size >= MOST_PENDING) return Promise.resolve(unavailable(id, 'too many requests wait for the main thread'))
      return new Promise((resolve) => {
        const timer = setTimeout(() => settle(unavailable(id, 'the main thread did not answer in time')), patienceMs)
        pending.set(id, { resolve, timer })
        post({ ...request, id })
      })
    },
    settle,
    close() {
      for (const id of [...pending.keys()]) settle(unavailable(id, 'this thread is ending'))
    },
  }
}

/**
 * The edge with the routes of the main thread in front: they are sent there as data, everything else stays in this thread. Whoever is let in by
 * the credentials of the management API alone is asked after there.
 */
export function withControlRoutes(edge: Edge, ask: ControlCalls['ask']): Edge {
  async function admit(ctx: Context, body: Buffer, reply: Reply): Promise<void> {
    const { status } = await ask(questionOf(ctx, ADMIT, null))
    if (status === 200) edge.handle(ctx, body, reply)
    else edge.refuse(refusalOf(status), reply, ctx.incoming)
  }
  return {
    ...edge,
    handle(ctx, body, reply) {
      const { route } = ctx.incoming
      if (ctx.identity.needsAdmin) return void admit(ctx, body, reply)
      if (route.at !== 'control') return edge.handle(ctx, body, reply)
      // A copy: the buffer may be a window onto a larger one, all of which would be cloned.
      const asked = ask(questionOf(ctx, route.operation, body.length > 0 ? Uint8Array.from(body) : null))
      void asked.then((answer) => reply.send(answer.status, [...answer.headers, ['x-request-id', ctx.id]], answer.body))
    },
  }
}

/** Name of the control route that says by its status whether a request comes from somebody who has signed in. */
export const ADMIT = 'admit'

function questionOf({ incoming }: Context, route: string, body: Uint8Array | null): Omit<ControlRequest, 'id'> {
  const { method, path, query, headers, clientAddress, scheme } = incoming
  return { route, method, path, query, headers: [...headers], body, clientAddress, scheme }
}

function refusalOf(status: number): GatewayError {
  if (status === 429) return new GatewayError('GW_TOO_MANY_ATTEMPTS', { retryAfterMs: RETRY_MS })
  if (status >= 500) return new GatewayError('GW_OVERLOADED', { retryAfterMs: 1000 })
  return new GatewayError('GW_VIRTUAL_KEY_REQUIRED')
}
const RETRY_MS = 60_000

function unavailable(id: number, message: string): ControlReply {
  const error = { is_bifrost_error: true, status_code: 503, error: { type: 'overloaded', code: 'overloaded', message } }
  return { id, status: 503, headers: [['content-type', 'application/json']], body: JSON.stringify(error) }
}
