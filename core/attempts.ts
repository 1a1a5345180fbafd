import { attempt, type Served } from './attempt.ts'
import { asGatewayError, type Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { Candidate } from './hooks/hooks.ts'
import { noteRefused, noteWorked } from './key-status.ts'
import { backoffMs, DEAD_KEY_COOL_DOWN_MS, DEFAULT_COOL_DOWN_MS, isDeadKey, isLimited, judge } from './retry.ts'
import { exactGoal, type Goal, permits } from './routing.ts'
import type { Runtime } from './runtime.ts'
import { renewsSignIn } from './sign-in.ts'

/** A key that the provider refused, for `extra_fields.key_statuses`. */
interface RefusedKey {
  key: string
  status: number
  reason: string
}

/** Attempt after attempt at one target: other keys at once, the same again after a pause, as `judge` says. */
export async function tryCandidates(
  runtime: Runtime,
  ctx: Context,
  target: { goal: Goal; candidates: readonly Candidate[] },
): Promise<Served> {
  const { goal } = target
  const candidates = target.candidates.filter((candidate) => permits(goal, candidate))
  const refused: RefusedKey[] = []
  let limited: GatewayError | undefined
  let renewed: Candidate | undefined
  let [current, ...spare] = candidates
  for (let retry = 0; ; ) {
    if (!current)
      throw new GatewayError('GW_NO_KEY_FOR_MODEL', { provider: goal.settings.name, model: goal.model, rule: 'no candidate is left' })
    const startedAt = runtime.wallClock()
    try {
      const served = await attempt(runtime, ctx, goal, current)
      if (current.key) noteWorked(runtime.shared, current.key)
      return served
    } catch (error) {
      const failure = asGatewayError(error, ctx)
      if (renewed !== current && !ctx.isAborted && renews(runtime, { goal, candidate: current, startedAt }, failure)) {
        renewed = current
        ctx.attempt++
        continue
      }
      noteKey(runtime, current, failure)
      if (isDeadKey(failure)) refused.push({ key: current.key?.name ?? 'none', status: failure.status, reason: failure.message })
      if (isLimited(failure)) limited = failure
      // A key that is only busy may yet serve: in whatever order the keys were tried, its word counts and not a dead one's.
      const ruling = isDeadKey(failure) && spare.length === 0 ? (limited ?? failure) : failure
      const verdict = ctx.isAborted ? 'stop' : judge(ruling, { keys: spare.length, retries: goal.settings.network.maxRetries - retry })
      if (verdict === 'stop') throw exhausted(ruling, refused)
      ctx.attempt++
      if (verdict === 'rotate') [current, ...spare] = spare
      else {
        await pause(runtime, ctx, pauseBefore(runtime, goal, { retry, failure: ruling }))
        retry++
        if (isLimited(ruling))
          [current, ...spare] = candidates.filter((candidate) => !refused.some((dead) => dead.key === candidate.key?.name))
      }
    }
  }
}

function renews(
  runtime: Runtime,
  { goal, candidate, startedAt }: { goal: Goal; candidate: Candidate; startedAt: number },
  error: GatewayError,
): boolean {
  const { entry, settings } = exactGoal(runtime, goal, candidate)
  return candidate.key !== undefined && renewsSignIn(runtime, { entry, settings, key: candidate.key }, { error, startedAt })
}

/** The provider's Retry-After where it is short enough to wait for, else the back-off. */
function pauseBefore(runtime: Runtime, goal: Goal, state: { retry: number; failure: GatewayError }): number {
  const { network } = goal.settings
  const asked = state.failure.detail.retryAfterMs
  const backoff = backoffMs(network, state.retry, runtime.random)
  return asked === undefined ? backoff : Math.max(backoff, Math.min(asked, network.retryBackoffMaxMs))
}

/** A key that hit a limit or was refused is passed over for a while, in all threads. */
function noteKey(runtime: Runtime, candidate: Candidate, failure: GatewayError): void {
  if (!candidate.key) return
  const { slot } = candidate.key
  if (isDeadKey(failure)) {
    noteRefused(runtime.shared, candidate.key, failure.status)
    runtime.shared.coolDown.set(slot, runtime.wallClock() + DEAD_KEY_COOL_DOWN_MS)
  } else if (isLimited(failure)) {
    runtime.shared.coolDown.set(slot, runtime.wallClock() + (failure.detail.retryAfterMs ?? DEFAULT_COOL_DOWN_MS))
  }
}

/** A refused key is the gateway's trouble, not the caller's, whose own credential was good (D25). */
function exhausted(failure: GatewayError, refused: readonly RefusedKey[]): GatewayError {
  if (!isDeadKey(failure)) return failure
  const reason = refused.map(({ key, status }) => `${key}: ${status}`).join(', ')
  const { upstream: _, ...detail } = failure.detail
  return new GatewayError('GW_CREDENTIALS_EXHAUSTED', { ...detail, reason, keyStatuses: refused }, { cause: failure })
}

function pause(runtime: Runtime, ctx: Context, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = { at: runtime.deadlines.clock.now() + ms, onReached: () => end(resolve) }
    let stopListening: (() => void) | undefined
    stopListening = ctx.onAbort(() => end(() => reject(new GatewayError('GW_CANCELLED'))))
    runtime.deadlines.add(deadline)
    function end(settle: () => void): void {
      runtime.deadlines.delete(deadline)
      stopListening?.()
      settle()
    }
  })
}
