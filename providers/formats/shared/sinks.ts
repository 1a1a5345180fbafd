import type { Sink } from '../../../core/fold.ts'

/** A sink of which `push` is another, for folds that write through one more hand. */
export function redirected<Value>(out: Sink<unknown>, push: (value: Value) => void): Sink<Value> {
  return { push, end: (reason) => out.end(reason), refuse: (error) => out.refuse(error), wake: (at) => out.wake(at) }
}
