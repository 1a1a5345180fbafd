/** Room for request bodies in memory. */
export interface BodyBudget {
  /** Takes `bytes` if they fit. */
  tryTake(bytes: number): boolean
  /** Gives back what was taken. */
  give(bytes: number): void
}

/** A budget of one thread; `maxBytes` is asked each time, so that a changed setting holds at once. */
export function createBodyBudget(maxBytes: () => number): BodyBudget {
  let used = 0
  return {
    tryTake(bytes) {
      if (used + bytes > maxBytes()) return false
      used += bytes
      return true
    },
    give(bytes) {
      used -= bytes
    },
  }
}
