import type { Deadline, Deadlines } from './deadlines.ts'

/** What `promise` settles to, or a rejection when `timeoutMs` have passed; then what becomes of the promise is of no interest. */
export function bounded<Value>(promise: PromiseLike<Value>, timeoutMs: number, deadlines: Deadlines): Promise<Value> {
  return new Promise((resolve, reject) => {
    const finish = (deliver: () => void) => {
      deadlines.delete(deadline)
      deliver()
    }
    const deadline: Deadline = {
      at: deadlines.clock.now() + timeoutMs,
      onReached: () => finish(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
    }
    deadlines.add(deadline)
    promise.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    )
  })
}
