import type { Held } from '../../core/config/live/held.ts'

/** Plugins that were to be added and are remembered as not loaded; the oldest goes for a new one. */
const MOST_LOST = 100

/** What became of changes of plugins: which are being loaded yet, and why the last one was taken back, until another one holds. */
export class PluginChanges {
  readonly #loading = new Map<string, number>()
  readonly #problems = new Map<string, readonly string[]>()
  /** Documents that were taken back after their makers had been told to wait, and that stood for nothing before. */
  readonly #lost = new Map<string, Held>()

  isLoading(name: string): boolean {
    return this.#loading.has(name)
  }

  /** Sentences; empty where nothing was taken back. */
  problemsOf(name: string): readonly string[] {
    return this.#problems.get(name) ?? []
  }

  lost(name: string): Held | undefined {
    return this.#lost.get(name)
  }

  allLost(): Iterable<Held> {
    return this.#lost.values()
  }

  /** The version is not in place yet. */
  began(name: string, version: number): void {
    this.#loading.set(name, version)
  }

  /** The version is in place, or taken back. */
  ended(name: string, version: number): void {
    if (this.#loading.get(name) === version) this.#loading.delete(name)
  }

  /** A change holds, or somebody has seen what became of the one before. */
  forget(name: string): void {
    this.#problems.delete(name)
    this.#lost.delete(name)
  }

  takenBack(name: string, problems: readonly string[]): void {
    this.#problems.set(name, problems)
  }

  /** Nobody was told that the plugin was not added: whoever looks is. */
  keepLost(held: Held): void {
    const [oldest] = this.#lost.keys()
    if (this.#lost.size >= MOST_LOST && oldest !== undefined) this.forget(oldest)
    this.#lost.set(held.id, held)
  }
}
