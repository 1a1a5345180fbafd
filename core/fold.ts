/** What a stage writes to. `end` closes the stream early and cleanly, `refuse` closes it with an error. */
export interface Sink<Out> {
  push(value: Out): void
  end(reason?: string): void
  refuse(error: Error): void
  /** Asks for one `tick` at or after `at` (milliseconds, the driver's clock). */
  wake(at: number): void
}

/**
 * The one shape for anything that touches a stream. State is what structured clone carries (plain data, Uint8Array): no
 * closures, no class instances, so that a chain can run inline or in the pool, and a test may clone it between any two inputs.
 * `end` is called once, also after an earlier stage ended or refused; `error` is then why, and only a dialect's encoder
 * writes it out.
 */
export interface Fold<In, Out, S = unknown> {
  start(options?: unknown): S
  step(state: S, input: In, out: Sink<Out>): void
  tick?(state: S, now: number, out: Sink<Out>): void
  end(state: S, out: Sink<Out>, error?: Error): void
}

/** The same, for stages that must wait: runs inline only, and the upstream is paused while a promise is pending. */
export interface AsyncFold<In, Out, S = unknown> {
  start(options?: unknown): S
  step(state: S, input: In, out: Sink<Out>): void | Promise<void>
  end(state: S, out: Sink<Out>, error?: Error): void | Promise<void>
}

/** Where a fold can be imported from, so that another thread can run it. `module` is a file URL or a package name. */
export interface FoldRef {
  module: string
  /** The export's name; dots reach into it (`format.outbound.decodeStream`). */
  name: string
  options?: unknown
}
