import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors.ts'
import type { StreamStage } from '../hooks/hooks.ts'
import { copied } from '../text.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { errorEvent } from './passthrough.ts'

/** Stands in for a lane whose stages are being imported: keeps what comes, in order, then hands it over. */
export class PendingLane implements Lane {
  readonly #options: LaneOptions
  readonly #open: (stages: readonly StreamStage[]) => Lane
  #lane: Lane | undefined
  #waiting: ((lane: Lane) => void)[] = []
  #isBroken = false

  constructor(options: LaneOptions, open: (stages: readonly StreamStage[]) => Lane) {
    this.#options = options
    this.#open = open
  }

  get usage(): Usage | undefined {
    return this.#lane?.usage
  }

  data(chunk: Uint8Array): void {
    const copy = this.#lane ? chunk : copied(chunk)
    this.#then((lane) => lane.data(copy))
  }

  end(): void {
    this.#then((lane) => lane.end())
  }

  /** Not kept: an import may take for ever, and nothing has been sent, so that another attempt may still help. */
  fail(error: GatewayError): void {
    if (this.#lane) this.#lane.fail(error)
    else this.break(error)
  }

  /** Throws what a stage throws when it starts. */
  open(stages: readonly StreamStage[]): void {
    if (this.#isBroken) return
    const lane = this.#open(stages)
    this.#lane = lane
    for (const work of this.#waiting) work(lane)
    this.#waiting = []
  }

  /** The stages cannot be had: the stream fails. */
  break(error: Error): void {
    if (this.#isBroken) return
    this.#isBroken = true
    const explained = this.#options.explain(error)
    this.#options.finish(explained, errorEvent(this.#options.target, explained))
  }

  #then(work: (lane: Lane) => void): void {
    if (this.#isBroken) return
    if (this.#lane) work(this.#lane)
    else this.#waiting.push(work)
  }
}
