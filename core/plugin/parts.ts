import { bounded } from '../bounded.ts'
import type { Deadlines } from '../deadlines.ts'
import type { Tap } from '../hooks/callers.ts'
import { guardHandler, type RawHandler } from '../hooks/guard.ts'
import { HOOK_KINDS, type HookName, type HookOptions, type Need, type OnError } from '../hooks/hooks.ts'
import type { Plugin, PluginLog, PluginParts } from './plugin.ts'

/** Where the handlers of a plugin stand, and with what they are wrapped. */
export interface PluginHost {
  plugin: Plugin
  isThirdParty: boolean
  log: PluginLog
  /** For the time limits of `async` handlers. */
  deadlines: Deadlines
}

/** A tap with its place among the handlers of the same placement: -1 `pre`, 0, 1 `post`. */
export type PlacedTap = Tap & { phase: number }

type LooseEntry = HookOptions & { async?: boolean; handler: RawHandler }

const DEFAULT_TIMEOUT_MS = 30_000
const PARTS = ['hooks', 'close', 'services']
const ENTRY_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  handler: isFunction,
  async: (value) => typeof value === 'boolean',
  order: (value) => value === 'pre' || value === 'post',
  operations: isTextList,
  needs: (value) => [value].flat().every((need) => need === 'meta' || need === 'texts' || need === 'canonical' || need === 'response'),
  anonymous: (value) => value === true,
  onError: (value) => value === 'open' || value === 'closed',
}
const PHASES = { pre: -1, post: 1 } as const

/** What is wrong with what `setup` returned, apart from its hooks. */
export function partsProblems(parts: unknown): string[] {
  if (typeof parts !== 'object' || parts === null) return ['setup returned no object; a plugin without hooks returns {}']
  const problems = Object.keys(parts)
    .filter((key) => !PARTS.includes(key))
    .map((key) => `setup returned "${key}", which is none of ${PARTS.join(', ')}`)
  const { close, services, hooks } = parts as Record<string, unknown>
  if (close !== undefined && !isFunction(close)) problems.push('close is not a function')
  if (services !== undefined && (typeof services !== 'object' || services === null)) problems.push('services is not an object')
  if (hooks !== undefined && (typeof hooks !== 'object' || hooks === null)) problems.push('hooks is not an object')
  return problems
}

/** The hooks of a plugin as taps, and what is wrong with those that cannot be tapped. */
export function tapsOf(parts: PluginParts, host: PluginHost): { taps: PlacedTap[]; problems: string[] } {
  const taps: PlacedTap[] = []
  const problems: string[] = []
  for (const [name, value] of Object.entries(parts.hooks ?? {})) {
    if (value === undefined) continue
    const entry = (isFunction(value) ? { handler: value } : value) as LooseEntry
    const wrong = entryProblems(name, entry)
    problems.push(...wrong.map((problem) => `hooks.${name}: ${problem}`))
    if (wrong.length === 0) taps.push(tapOf(name as HookName, entry, host))
  }
  return { taps, problems }
}

function entryProblems(name: string, entry: LooseEntry): string[] {
  if (!isHookName(name)) return [`there is no such hook; there are ${Object.keys(HOOK_KINDS).join(', ')}`]
  if (typeof entry !== 'object' || entry === null || !isFunction(entry.handler)) return ['neither a function nor an object with a handler']
  const problems: string[] = []
  for (const [field, value] of Object.entries(entry)) {
    const isGood = ENTRY_FIELDS[field]
    if (!isGood) problems.push(`"${field}" is none of ${Object.keys(ENTRY_FIELDS).join(', ')}`)
    else if (value !== undefined && !isGood(value)) problems.push(`"${field}" cannot be ${JSON.stringify(value)}`)
  }
  const kind = entry.handler.constructor.name
  if (entry.async && !HOOK_KINDS[name].isAsync) problems.push('this hook cannot wait; async: true is not for it')
  else if (kind === 'AsyncFunction' && !entry.async) problems.push('an async function must be declared: { async: true, handler }')
  if (kind.endsWith('GeneratorFunction')) problems.push('a generator is not a handler')
  return problems
}

function tapOf(hook: HookName, entry: LooseEntry, { plugin, isThirdParty, log, deadlines }: PluginHost): PlacedTap {
  const needs: readonly Need[] = [entry.needs ?? 'meta'].flat()
  const isAsync = entry.async === true
  const timeoutMs = plugin.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const handler = guardHandler(entry.handler, {
    plugin: plugin.name,
    hook,
    onError: entry.onError ?? defaultOnError(hook, plugin),
    isUndeclared: !needs.includes('canonical'),
    isThirdParty,
    bound: isAsync ? (pending) => bounded(pending, timeoutMs, deadlines) : undefined,
    log,
  })
  const phase = entry.order ? PHASES[entry.order] : 0
  return { hook, plugin: plugin.name, isAsync, isAnonymous: entry.anonymous === true, needs, operations: entry.operations, handler, phase }
}

/** A plugin that fails closed must not lose answers that are already paid for: that takes a word at the handler itself. */
function defaultOnError(hook: HookName, plugin: Plugin): OnError {
  return (hook === 'postHook' ? undefined : plugin.onError) ?? HOOK_KINDS[hook].onError
}

function isHookName(name: string): name is HookName {
  return Object.hasOwn(HOOK_KINDS, name)
}
function isFunction(value: unknown): value is RawHandler {
  return typeof value === 'function'
}
function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((member) => typeof member === 'string')
}
