import type { HookCallers } from '../hooks/hooks.ts'
import type { Operation } from '../provider.ts'
import type { PluginSettings } from '../snapshot.ts'
import type { LoadedPlugins } from './loader.ts'

/** The plugins of one moment. Requests keep the ones that they began with. */
export interface PluginSet {
  readonly loaded: LoadedPlugins
  /** Requests that began with it and have not ended. */
  running: number
}

/** Loads the plugins of these rows. Rejects with a ConfigError; then nothing is left of them. */
export type LoadPlugins = (settings: readonly PluginSettings[]) => Promise<LoadedPlugins>

/**
 * The plugins of a data thread over time. A change loads the new ones beside the old, swaps, and closes the old ones when the last request that
 * began with them has ended.
 */
export class PluginSets {
  readonly #load: LoadPlugins
  readonly #retired = new Set<PluginSet>()
  #current: PluginSet
  /** What the current ones were made of. */
  #made: string

  private constructor(load: LoadPlugins, settings: readonly PluginSettings[], loaded: LoadedPlugins) {
    this.#load = load
    this.#made = JSON.stringify(settings)
    this.#current = { loaded, running: 0 }
  }

  /** Loads the first ones. Rejects with a ConfigError. */
  static async open(load: LoadPlugins, settings: readonly PluginSettings[]): Promise<PluginSets> {
    return new PluginSets(load, settings, await load(settings))
  }

  get current(): LoadedPlugins {
    return this.#current.loaded
  }

  callers(operation: Operation, set: PluginSet | undefined): HookCallers {
    return (set ?? this.#current).loaded.callers(operation)
  }

  /** A request begins; give back what it gets by `leave`, once. */
  enter(set: PluginSet = this.#current): PluginSet {
    set.running++
    return set
  }

  leave(set: PluginSet): void {
    set.running--
    if (set.running === 0 && this.#retired.delete(set)) void set.loaded.close()
  }

  /** Serves with the plugins of these rows from now on. Rejects with a ConfigError, and goes on with those before. Not to be called while it runs. */
  async change(settings: readonly PluginSettings[]): Promise<void> {
    const made = JSON.stringify(settings)
    if (made === this.#made) return
    const loaded = await this.#load(settings)
    const before = this.#current
    this.#current = { loaded, running: 0 }
    this.#made = made
    if (before.running === 0) await before.loaded.close()
    else this.#retired.add(before)
  }

  /** Closes all. Never rejects. */
  async close(): Promise<void> {
    const retired = [...this.#retired]
    this.#retired.clear()
    await Promise.all([this.#current, ...retired].map(({ loaded }) => loaded.close()))
  }
}
