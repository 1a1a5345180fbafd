import { ConfigError } from '../config/problems.ts'
import { Deadlines, systemClock } from '../deadlines.ts'
import { buildCallers } from '../hooks/callers.ts'
import type { HookCallers } from '../hooks/hooks.ts'
import type { Operation } from '../provider.ts'
import type { PluginSettings } from '../snapshot.ts'
import { type Candidate, duplicates, findCandidate, type PluginSources, sentence, takenNames } from './find.ts'
import { orderByRequires } from './order.ts'
import { type PlacedTap, partsProblems, tapsOf } from './parts.ts'
import type { PluginLog, PluginParts, Services } from './plugin.ts'

/** What to load, from where, and how long to wait for it. */
export interface LoadOptions extends PluginSources {
  /** Each row once. A row without `path` names a built-in. */
  settings: readonly PluginSettings[]
  log: PluginLog
  /** For the time limits of handlers; a set of its own on the machine's clock where absent. */
  deadlines?: Deadlines | undefined
  /** How long one plugin's `setup` may take, in milliseconds; 30000 where absent. */
  setupTimeoutMs?: number | undefined
  /** How long one plugin's `close` may take, in milliseconds; 5000 where absent. */
  closeTimeoutMs?: number | undefined
}

/** A plugin that serves. */
export interface LoadedPlugin {
  /** The name in the configuration. */
  name: string
  /** The name the plugin gives itself. */
  actualName: string
  version: string | undefined
  placement: PluginSettings['placement']
  isThirdParty: boolean
  hooks: readonly string[]
}

/** Everything that came of the rows. */
export interface LoadedPlugins {
  /** The callers of an operation, built on first use and kept. */
  callers(operation: Operation): HookCallers
  services: Readonly<Services>
  plugins: readonly LoadedPlugin[]
  /** Closes every plugin in reverse order, each bounded and none able to keep another from closing. Never rejects. */
  close(): Promise<void>
}

/** A plugin after `setup`. */
interface Member extends Candidate {
  parts: PluginParts
  taps: readonly PlacedTap[]
}

const PLACEMENTS = { pre_builtin: 0, builtin: 1, post_builtin: 2 } as const

/** Finds, checks and sets up the plugins. Throws ConfigError with all problems; what was set up by then is closed. */
export async function loadPlugins(options: LoadOptions): Promise<LoadedPlugins> {
  const rows = [...options.settings].sort(byPlace)
  const problems = duplicates(rows.map((row) => row.name))
  const found = await Promise.all(rows.map((row) => findCandidate(row, options)))
  problems.push(...found.flatMap((each) => each.problems))
  const known = found.flatMap((each) => each.candidate ?? [])
  problems.push(...takenNames(known, options.builtins))
  const { ordered, problems: unmet } = orderByRequires(known)
  problems.push(...unmet)
  const broken = new Set(found.filter((each) => each.problems.length > 0).map((each) => each.candidate))
  const family = new Family(options)
  for (const candidate of ordered) if (!broken.has(candidate)) problems.push(...(await family.add(candidate)))
  if (problems.length === 0) return family
  await family.close()
  throw new ConfigError(problems)
}

/** The plugins that are set up, and what they share. */
class Family implements LoadedPlugins {
  readonly services: Readonly<Services>
  #options: LoadOptions
  #services: Record<string, unknown> = {}
  #members: Member[] = []
  #callers = new Map<Operation, HookCallers>()
  #deadlines: Deadlines
  #closing: Promise<void> | undefined

  constructor(options: LoadOptions) {
    this.#options = options
    this.#deadlines = options.deadlines ?? new Deadlines(systemClock)
    this.services = servicesView(this.#services)
  }

  /** Sets one plugin up; what is wrong with it comes back as sentences. */
  async add(candidate: Candidate): Promise<string[]> {
    const { plugin, settings } = candidate
    const log = this.#options.log.child({ plugin: plugin.name })
    const at = (problem: string) => `plugins.${settings.name}: ${problem}`
    if (plugin.requires?.some((name) => !this.#members.some((member) => member.plugin.name === name))) return []
    const result = await settle(
      () => plugin.setup(candidate.config as never, { log, services: this.services, name: plugin.name }),
      this.#setupMs,
    )
    if ('error' in result) return [at(`setup failed: ${sentence(result.error)}`)]
    const wrong = partsProblems(result.value)
    if (wrong.length > 0) return wrong.map(at)
    const { taps, problems } = tapsOf(result.value, {
      plugin,
      log,
      isThirdParty: settings.path !== undefined,
      deadlines: this.#deadlines,
    })
    problems.push(...this.#offer(result.value.services ?? {}))
    this.#members.push({ ...candidate, parts: result.value, taps })
    return problems.map(at)
  }

  get plugins(): readonly LoadedPlugin[] {
    return [...this.#members].sort((a, b) => byPlace(a.settings, b.settings)).map(describe)
  }

  callers(operation: Operation): HookCallers {
    const known = this.#callers.get(operation)
    if (known) return known
    const placed = this.#members.flatMap((member) => member.taps.map((tap) => ({ tap, settings: member.settings })))
    placed.sort((a, b) => placementOf(a) - placementOf(b) || a.tap.phase - b.tap.phase || a.settings.order - b.settings.order)
    const callers = buildCallers(
      placed.map(({ tap }) => tap),
      operation,
    )
    this.#callers.set(operation, callers)
    return callers
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    for (const { plugin, parts } of this.#members.toReversed()) {
      const result = await settle(() => parts.close?.(), this.#options.closeTimeoutMs ?? 5_000)
      if ('error' in result) this.#options.log.error({ plugin: plugin.name, err: result.error }, 'a plugin failed to close')
    }
  }

  #offer(services: object): string[] {
    const taken = Object.keys(services).filter((name) => Object.hasOwn(this.#services, name))
    for (const [name, service] of Object.entries(services)) this.#services[name] ??= service
    return taken.map((name) => `the service "${name}" is offered by another plugin already`)
  }

  get #setupMs(): number {
    return this.#options.setupTimeoutMs ?? 30_000
  }
}

function servicesView(services: Record<string, unknown>): Readonly<Services> {
  return new Proxy(services, {
    get(target, name) {
      if (typeof name !== 'string' || Object.hasOwn(target, name)) return Reflect.get(target, name)
      throw new Error(`no plugin offers the service "${name}"; name the one that does in requires`)
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  }) as Readonly<Services>
}

function byPlace(a: PluginSettings, b: PluginSettings): number {
  return PLACEMENTS[a.placement] - PLACEMENTS[b.placement] || a.order - b.order
}
function placementOf({ settings }: { settings: PluginSettings }): number {
  return PLACEMENTS[settings.placement]
}

function describe({ settings, plugin, taps }: Member): LoadedPlugin {
  return {
    name: settings.name,
    actualName: plugin.name,
    version: plugin.version,
    placement: settings.placement,
    isThirdParty: settings.path !== undefined,
    hooks: taps.map((tap) => tap.hook),
  }
}

/** Runs what may throw, reject or never end; says which. */
async function settle<Value>(work: () => Value | Promise<Value>, timeoutMs: number): Promise<{ value: Value } | { error: unknown }> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no end within ${timeoutMs} ms`)), timeoutMs)
  try {
    return { value: await Promise.race([work(), tooLate]) }
  } catch (error) {
    return { error }
  } finally {
    clearTimeout(timer)
  }
}
