import type { Clock } from '../deadlines.ts'
import type { Log } from '../log.ts'
import type { ConfigStore } from '../stores.ts'
import { openSealing } from './open-sealing.ts'
import type { PassphraseCost } from './passphrase.ts'
import { sealStore } from './sealed-store.ts'
import type { Sealer } from './sealer.ts'
import { ROTATION_OVERLAP_MS, sweepSecrets } from './sweep.ts'

/** What a gateway starts its sealing with. */
export interface SealingStart {
  /** `encryption_key` or BIFROST_ENCRYPTION_KEY; undefined or empty: none is set. */
  passphrase: string | undefined
  log: Pick<Log, 'info' | 'warn'>
  clock: Clock
  /** Epoch milliseconds. */
  now(): number
  /** Only for tests: what a passphrase costs in a new keyring. */
  cost?: PassphraseCost | undefined
}

/** A store whose secrets are sealed, and the work in the background that seals what is still plain. */
export interface Sealing {
  /** Bodies in the open on this side. */
  store: ConfigStore
  /** Resolves when the first sweep has ended, well or not; never rejects. */
  firstSweep: Promise<void>
  stop(): void
}

/**
 * Opens the sealing of a store and seals in the background what is plain or under an older key, until nothing is left to do. Without a key it
 * warns once. Rejects with SealingError, by which a start fails with its `exitCode`.
 */
export async function startSealing(raw: ConfigStore, start: SealingStart): Promise<Sealing> {
  const { passphrase, log, now, cost } = start
  const sealer = await openSealing(raw, { passphrase, now: now(), cost })
  if (!sealer.keys)
    log.warn('no encryption_key is set: secrets lie in the store in the open; set one, and they are sealed at the next start')
  const sweeps = new Sweeps(raw, sealer, start)
  return { store: sealStore(raw, sealer), firstSweep: sweeps.run(), stop: () => sweeps.stop() }
}

class Sweeps {
  readonly #raw: ConfigStore
  readonly #sealer: Sealer
  readonly #start: SealingStart
  #isStopped = false
  #stopTimer = () => {}

  constructor(raw: ConfigStore, sealer: Sealer, start: SealingStart) {
    this.#raw = raw
    this.#sealer = sealer
    this.#start = start
  }

  async run(): Promise<void> {
    const { log, now } = this.#start
    try {
      const { sealed, againInMs } = await sweepSecrets(this.#raw, this.#sealer, now())
      if (sealed > 0) log.info({ documents: sealed }, 'sealed the secrets of documents that were plain or under an older key')
      if (againInMs !== undefined) this.#later(againInMs)
    } catch (error) {
      log.warn({ err: error }, 'the secrets in the store could not all be sealed; trying again')
      this.#later(ROTATION_OVERLAP_MS)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#stopTimer()
  }

  #later(ms: number): void {
    if (this.#isStopped) return
    this.#stopTimer = this.#start.clock.every(ms, () => {
      this.#stopTimer()
      void this.run()
    })
  }
}
