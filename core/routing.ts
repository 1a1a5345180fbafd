import { clientBetas } from './beta-flags.ts'
import type { Context } from './context.ts'
import { GatewayError } from './errors.ts'
import type { Format } from './format.ts'
import type { Candidate, HookCallers } from './hooks/hooks.ts'
import { type KeyWish, orderForSession } from './key-choice.ts'
import type { Operation, Provider } from './provider.ts'
import type { Runtime } from './runtime.ts'
import type { AllowList, KeySettings, ProviderSettings, VirtualKeySettings } from './snapshot.ts'
import { admits, admitsKeyOf } from './virtual-key.ts'

/** A target of a request: a configured provider, its entry and format, and the model as asked for. */
export interface Goal {
  settings: ProviderSettings
  entry: Provider
  format: Format
  /** As what the provider serves the request: what the client asked for, or what that is translated to. */
  operation: Operation
  model: string
  /** Where the body is asked for as it came (Provider.native); absent: where its operation is. */
  path?: string | undefined
  /** What the client asked of the choice of a key; absent: nothing. */
  wish?: KeyWish | undefined
  /** Whose lists hold besides the keys' own; absent: nobody's. */
  virtualKey?: VirtualKeySettings | undefined
}

/**
 * Reads `provider/model`, split at the first `/` and only when the left part is a provider's name (api.md 1.1).
 * Throws GW_MODEL_REQUIRED, GW_PROVIDER_REQUIRED, or GW_NO_KEYS for a known provider that is not configured.
 */
export function resolveGoal(runtime: Runtime, name: string): Goal {
  if (name === '') throw new GatewayError('GW_MODEL_REQUIRED')
  const slash = name.indexOf('/')
  const provider = slash > 0 ? name.slice(0, slash) : ''
  const settings = runtime.tables.providers.get(provider)
  if (!settings) throw unknownProvider(runtime, provider, name)
  const model = name.slice(slash + 1)
  if (model === '') throw new GatewayError('GW_MODEL_REQUIRED')
  const entry = runtime.registry.provider(settings.entry)
  return { settings, entry, format: runtime.registry.format(entry.format), operation: 'chat_completion', model }
}

/** The goal with the entry that serves this very model, where its provider has families of models that speak other formats. */
export function exactGoal(runtime: Runtime, goal: Goal, { model }: Candidate): Goal {
  const entry = goal.entry.variant?.(model, goal.operation)
  if (!entry) return goal
  const operation = entry.paths[goal.operation] === undefined && AS_CHAT.has(goal.operation) ? CHAT : goal.operation
  if (entry.paths[operation] === undefined) throw new GatewayError('GW_UNSUPPORTED_OPERATION', { operation, provider: goal.settings.name })
  return { ...goal, entry, operation, format: formatOf(runtime, entry, operation) }
}

/**
 * The goal in the client's own dialect, where its provider has that one besides (Provider.native), so that the body and the answer
 * pass as they are. Not where somebody changed or reads what is in them: those need the dialect that can be translated.
 */
export function nativeGoal(goal: Goal, ctx: Context, { candidate, callers }: { candidate: Candidate; callers: HookCallers }): Goal {
  const { entry, settings, operation, format } = goal
  if (!entry.native || !ctx.scan || ctx.isEdited || format === ctx.inbound) return goal
  if (callers.needs.has('response') || (ctx.stream && callers.stream)) return goal
  if ([operation, `${operation}_stream`].some((name) => settings.pathOverrides[name] !== undefined)) return goal
  // What the client says in a header is said in the body there, which takes a translation.
  if (clientBetas(ctx, format, { overrides: [] })?.length) return goal
  const { key, model } = candidate
  const asked = ctx.named?.model ?? ctx.model
  const path = entry.native(ctx.inbound.name, { model, asked, isStream: ctx.stream, key, settings, body: ctx.scan })
  return path === undefined ? goal : { ...goal, format: ctx.inbound, path }
}

function formatOf({ registry }: Runtime, entry: Provider, operation: Operation): Format {
  return registry.format(entry.formats?.[operation] ?? entry.format)
}

function unknownProvider(runtime: Runtime, provider: string, model: string): GatewayError {
  if (runtime.registry.providers.has(provider)) {
    return new GatewayError('GW_NO_KEYS', { provider, model: model.slice(provider.length + 1) })
  }
  const hint = provider === '' ? '' : ` and "${provider}" is no configured provider`
  return new GatewayError('GW_PROVIDER_REQUIRED', { model, hint })
}

/** `fallbacks` entries that name a provider and a model; others are ignored (api.md 1.1). */
export function readFallbacks(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  const names = value.map((entry) => (isPair(entry) ? `${entry.provider}/${entry.model}` : entry))
  return names.filter((name): name is string => typeof name === 'string' && /^[^/]+\/.+$/.test(name))
}

function isPair(entry: unknown): entry is { provider: string; model: string } {
  if (typeof entry !== 'object' || entry === null) return false
  const { provider, model } = entry as Record<string, unknown>
  return typeof provider === 'string' && typeof model === 'string'
}

/** Whether an allow-list admits a name: deny by default. */
export function allows(list: AllowList, name: string): boolean {
  return list.all || list.names.has(name)
}

/**
 * The ways to serve a goal, best first: the key that the client named; else keys that may serve the model, in weighted random
 * order or in the session's, those that are cooling down last. Throws GW_NO_KEYS (none is configured), GW_NO_KEY_FOR_MODEL (a list denies it).
 */
export function findCandidates(runtime: Runtime, goal: Goal): Candidate[] {
  const { settings, model, wish, virtualKey } = goal
  if (wish?.pin) return [pinned(goal, wish.pin)]
  if (settings.keys.length === 0) {
    if (!settings.isKeyless && goal.entry.keyless !== 'key') throw new GatewayError('GW_NO_KEYS', { provider: settings.name, model })
    return [{ provider: settings, model, weight: 1 }]
  }
  const [only] = settings.keys
  if (settings.keys.length === 1 && only && !virtualKey && serves(only, model)) return [toCandidate(settings, only, model)]
  const own = settings.keys.filter((key) => serves(key, model))
  if (own.length === 0) throw noKey(settings, model)
  const able = virtualKey ? own.filter((key) => admitsKeyOf(virtualKey, key)) : own
  if (able.length === 0) throw noneAdmitted(goal)
  // Out of the choice by weight (D3): by itself it comes to such a key only where there is no other.
  const weighted = able.filter((key) => key.weight !== null)
  const candidates = (weighted.length > 0 ? weighted : able).map((key) => toCandidate(settings, key, model))
  if (candidates.length === 1) return candidates
  return coolingLast(runtime, wish?.session ? orderForSession(candidates, wish.session) : shuffle(candidates, runtime.random))
}

function noneAdmitted({ settings, model, virtualKey }: Goal): GatewayError {
  return new GatewayError('GW_NO_KEY_FOR_MODEL', { provider: settings.name, model, rule: `key_ids of virtual key ${virtualKey?.name}` })
}

function pinned(goal: Goal, key: KeySettings): Candidate {
  const { settings, model, virtualKey } = goal
  if (virtualKey && !admitsKeyOf(virtualKey, key)) throw noneAdmitted(goal)
  if (serves(key, model)) return toCandidate(settings, key, model)
  const isBlocked = allows(key.blacklistedModels, model)
  const rule = `${isBlocked ? 'blacklisted_models' : 'models'} of key ${key.name}, which the request names`
  throw new GatewayError('GW_NO_KEY_FOR_MODEL', { provider: settings.name, model, rule })
}

/**
 * The core's own guard, checked for every attempt after every hook: the candidate is of the goal's provider, and its key is
 * configured, is the one that the client named if it named one, and may serve the model; and the caller's virtual key allows all three. No plugin's choice escapes it.
 */
export function permits(goal: Goal, { provider, key, model }: Candidate): boolean {
  if (provider !== goal.settings) return false
  if (goal.wish?.pin && key !== goal.wish.pin) return false
  if (goal.virtualKey && !admits(goal.virtualKey, provider.name, { model: goal.model, key })) return false
  if (!key) return provider.keys.length === 0 && model === goal.model
  return provider.keys.includes(key) && serves(key, goal.model) && model === aliased(key, goal.model)
}

function serves(key: KeySettings, model: string): boolean {
  if (!key.enabled || allows(key.blacklistedModels, model) || !allows(key.models, model)) return false
  return key.modelName === undefined || key.modelName === model || key.aliases[model] === key.modelName
}

function toCandidate(provider: ProviderSettings, key: KeySettings, model: string): Candidate {
  return { provider, key, model: aliased(key, model), weight: key.weight ?? 0 }
}

function aliased(key: KeySettings, model: string): string {
  return Object.hasOwn(key.aliases, model) ? (key.aliases[model] as string) : model
}

/** 400 when no key could serve anything, 403 when a list denies this model (D11). */
function noKey(settings: ProviderSettings, model: string): GatewayError {
  const enabled = settings.keys.filter((key) => key.enabled)
  if (enabled.length === 0) return new GatewayError('GW_NO_KEYS', { provider: settings.name, model })
  const blocked = enabled.some((key) => allows(key.blacklistedModels, model))
  const rule = blocked ? 'blacklisted_models of its keys' : 'models of its keys'
  return new GatewayError('GW_NO_KEY_FOR_MODEL', { provider: settings.name, model, rule })
}

/** Weighted order without replacement; weights that are all zero count as equal. */
function shuffle(candidates: readonly Candidate[], random: () => number): Candidate[] {
  const rest = [...candidates]
  const ordered: Candidate[] = []
  while (rest.length > 0) ordered.push(...rest.splice(draw(rest, random), 1))
  return ordered
}

function draw(candidates: readonly Candidate[], random: () => number): number {
  const total = candidates.reduce((sum, candidate) => sum + candidate.weight, 0)
  if (total <= 0) return Math.floor(random() * candidates.length)
  let point = random() * total
  for (const [index, candidate] of candidates.entries()) {
    point -= candidate.weight
    if (point < 0) return index
  }
  return candidates.length - 1
}

function coolingLast(runtime: Runtime, candidates: Candidate[]): Candidate[] {
  const now = runtime.wallClock()
  const isCooling = (candidate: Candidate): boolean =>
    candidate.key !== undefined && runtime.shared.coolDown.until(candidate.key.slot) > now
  if (!candidates.some(isCooling)) return candidates
  return [...candidates.filter((candidate) => !isCooling(candidate)), ...candidates.filter(isCooling)]
}

const CHAT: Operation = 'chat_completion'
/** Operations that are chat in other words: where a provider does not serve them, they are translated to it. */
const AS_CHAT: ReadonlySet<Operation> = new Set(['responses', 'text_completion'])

/** Whether a request of this operation is a chat in canonical form that is answered as one: `ctx.request` is its request. */
export function isChat(operation: Operation): boolean {
  return operation === CHAT || AS_CHAT.has(operation)
}

/**
 * The goal with the operation that serves the request: the client's own where the provider has it and its `allowed_requests`
 * admit it, else chat where that is the same in other words. Throws GW_UNSUPPORTED_OPERATION.
 */
export function withOperation(runtime: Runtime, goal: Goal, ctx: Context): Goal {
  const { settings, entry } = goal
  const operation = isServed(goal, ctx, ctx.operation)
    ? ctx.operation
    : AS_CHAT.has(ctx.operation) && isServed(goal, ctx, CHAT)
      ? CHAT
      : undefined
  if (!operation) throw new GatewayError('GW_UNSUPPORTED_OPERATION', { operation: requestTypeOf(ctx), provider: settings.name })
  return operation === goal.operation ? goal : { ...goal, operation, format: formatOf(runtime, entry, operation) }
}

function isServed({ settings: { allowedRequests }, entry }: Goal, { stream }: Context, operation: Operation): boolean {
  const isKnown = entry.paths[operation] !== undefined || (entry.respond !== undefined && isChat(operation))
  return isKnown && (allowedRequests === null || allowedRequests.has(stream ? `${operation}_stream` : operation))
}

/** `extra_fields.request_type` (api.md 1.3). */
export function requestTypeOf(ctx: Context): string {
  return ctx.stream ? `${ctx.operation}_stream` : ctx.operation
}
