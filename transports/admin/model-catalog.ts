import { setTimeout as wait } from 'node:timers/promises'
import type { LiveConfig } from '../../core/config/live/live-config.ts'
import type { ProviderModels } from '../../core/models.ts'

/** How long a list is believed, and how long one that failed: milliseconds. */
const FRESH_MS = 3_600_000
const FAILED_FRESH_MS = 60_000
/** A request for a list waits so long at most; who is late is in the next one. */
const PATIENCE_MS = 3_000

interface Kept {
  /** Of what the provider and its keys were when they were asked. */
  signature: string
  askedAt: number
  models: ProviderModels
}

/** What the catalog works with. */
export interface CatalogOptions {
  config: LiveConfig
  listModels(providers: readonly string[]): Promise<readonly ProviderModels[]>
  /** Milliseconds since 1970. */
  now(): number
}

/** What providers have, asked when somebody wants to know, and again when a provider or one of its keys has changed or an hour has passed. */
export class ModelCatalog {
  readonly #options: CatalogOptions
  /** By provider; only those that there are. */
  readonly #kept = new Map<string, Kept>()
  readonly #asking = new Map<string, Promise<void>>()

  constructor(options: CatalogOptions) {
    this.#options = options
  }

  /** What is known of these providers, within 3 seconds. Never rejects. */
  async of(providers: readonly string[]): Promise<ProviderModels[]> {
    const { entities } = this.#options.config
    for (const name of this.#kept.keys()) if (!entities.held('providers', name)) this.#kept.delete(name)
    const asked = Promise.all(providers.map((name) => this.#freshen(name)))
    const late = new AbortController()
    await Promise.race([asked, wait(PATIENCE_MS, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    return providers.flatMap((name) => this.#kept.get(name)?.models ?? [])
  }

  /** Asks a provider whose keys have changed, beside everything else: what it says of a key goes to the key's status. */
  discover(provider: string): void {
    void this.#freshen(provider)
  }

  /** Asks all providers, now and each hour, beside everything else. Returns how to stop. */
  follow(): () => void {
    const ask = () => {
      for (const provider of this.#options.config.entities.all('providers').keys()) this.discover(provider)
    }
    ask()
    const timer = setInterval(ask, FRESH_MS).unref()
    return () => clearInterval(timer)
  }

  #freshen(provider: string): Promise<void> {
    const kept = this.#kept.get(provider)
    const signature = this.#signatureOf(provider)
    const freshMs = kept?.models.isWhole ? FRESH_MS : FAILED_FRESH_MS
    if (kept?.signature === signature && this.#options.now() - kept.askedAt < freshMs) return Promise.resolve()
    const key = `${provider}\0${signature}`
    const asking = this.#asking.get(key) ?? this.#ask(provider, signature).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(provider: string, signature: string): Promise<void> {
    const [models] = await this.#options.listModels([provider])
    if (models) this.#kept.set(provider, { signature, askedAt: this.#options.now(), models })
  }

  #signatureOf(provider: string): string {
    const { entities } = this.#options.config
    const parts = [entities.held('providers', provider), ...entities.keysOf(provider)]
    return parts.map((held) => `${held?.id}:${held?.version}`).join(' ')
  }
}
