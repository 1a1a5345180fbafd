/** Something that is heard of now and then, in `performance.now()` milliseconds. */
export interface Heard {
  lastHeard: number
}

/**
 * Calls `onSilent` once with each thread that was not heard of for `silenceMs`: it hangs in a synchronous loop. A look that
 * comes late says that this thread itself, or the machine, stood still; then nobody is blamed. Returns how to stop.
 */
export function watchHeartbeats<T extends Heard>(threads: () => Iterable<T>, silenceMs: number, onSilent: (thread: T) => void): () => void {
  const everyMs = silenceMs / 4
  const blamed = new WeakSet<T>()
  let lastLook = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const isLate = now - lastLook > everyMs * 2
    lastLook = now
    for (const thread of threads()) {
      if (isLate) thread.lastHeard = now
      if (now - thread.lastHeard < silenceMs || blamed.has(thread)) continue
      blamed.add(thread)
      onSilent(thread)
    }
  }, everyMs).unref()
  return () => clearInterval(timer)
}
