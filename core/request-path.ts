import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { Candidate } from './hooks/hooks.ts'
import type { PathOf } from './provider.ts'
import type { Goal } from './routing.ts'
import type { ProviderSettings } from './snapshot.ts'
import { type Destination, targetAt } from './upstream/target.ts'
import type { Target } from './upstream/types.ts'

/**
 * What a request asks for: a path below the provider's base URL, or a whole URL where the operator wrote one or the provider has
 * a host of its own for it. `method`: of the encoded request. Throws GW_INVALID_REQUEST where a model's name would lead elsewhere.
 */
export function pathOf(goal: Goal, ctx: Context, sent: { candidate: Candidate; method: string | undefined }): string {
  const { settings, entry, operation } = goal
  const { key, model } = sent.candidate
  const override = settings.pathOverrides[ctx.stream ? `${operation}_stream` : operation] ?? settings.pathOverrides[operation]
  if (override !== undefined) return override
  const path = entry.paths[operation]
  if (goal.path === undefined && typeof path !== 'function') return path as string
  const named =
    goal.path ??
    (path as PathOf)({
      model: entry.wireModel?.(model, { operation, key }) ?? model,
      method: sent.method,
      isStream: ctx.stream,
      key,
      settings,
    })
  if (DOT_SEGMENT.test(named))
    throw new GatewayError('GW_INVALID_REQUEST', { param: 'model', reason: `names no model of ${settings.name}` })
  return named
}

/** A provider's server would take the path for another one: a model is called `..`, or has that in its name. */
const DOT_SEGMENT = /\/\.{1,2}(?:[/?]|$)/

const places = new WeakMap<ProviderSettings, Map<string, { target: Target; path: string }>>()

/** Where a path is asked for. A whole URL has a target of its own, with the provider's proxy and trust; made once per URL. */
export function locate({ target }: Destination, settings: ProviderSettings, path: string): { target: Target; path: string } {
  if (path.startsWith('/')) return { target, path: target.prefix + path }
  let known = places.get(settings)
  if (!known) {
    known = new Map()
    places.set(settings, known)
  }
  let place = known.get(path)
  if (!place) {
    const { origin, pathname, search } = new URL(path)
    place = { target: targetAt(settings, origin), path: pathname + search }
    known.set(path, place)
  }
  return place
}
