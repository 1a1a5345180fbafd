/** Bounds of the edge that no setting names. Tests inject smaller ones. */
export interface Timing {
  /** Period of the sweep that watches all of the below. */
  sweepMs: number
  /** A body may be slower than the minimum rate for this long. Less than uWebSockets.js's own 10 s, which cuts without an answer. */
  bodyGraceMs: number
  /** Mean rate since the head below which a body is answered 408. */
  minBodyBytesPerSecond: number
  /** How long a body waits for room among the buffered ones. */
  bodyWaitMs: number
  /** A refused request whose body is still arriving is answered when nothing came for this long: closing over unread bytes resets the connection, and the client loses the answer. */
  lingerQuietMs: number
  /** And at the latest then. */
  lingerMs: number
  /** A client that has not taken what was streamed to it for this long is cut. */
  stallMs: number
  /** Most bytes that are buffered for a client after it was found slow. */
  maxStalledBytes: number
  /** How often uWebSockets.js's own timer (10 s) is pushed back for a connection that ours watches. */
  touchMs: number
}

/** The bounds that hold in production. */
export const TIMING: Timing = {
  sweepMs: 100,
  bodyGraceMs: 9_000,
  minBodyBytesPerSecond: 500,
  bodyWaitMs: 5_000,
  lingerQuietMs: 100,
  lingerMs: 2_000,
  stallMs: 60_000,
  maxStalledBytes: 1024 * 1024,
  touchMs: 3_000,
}
