import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors.ts'
import type { StreamStage } from '../hooks.ts'
import { copied } from '../text.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { errorEvent } from './passthrough.ts'

/** Stands in for a lane whose stages are being imported: keeps what comes, in order, then hands it over. */
export class PendingLane implements Lane {
  readonly #open: (stages: readonly StreamStage[]) => Lane
  #lane: Lane | undefined
  #waiting: ((lane: Lane) => void)[] = []
  #isBroken = false

  constructor(open: (stages: readonly StreamStage[]) => Lane) {
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

  fail(error: GatewayError): void {
    this.#then((lane) => lane.fail(error))
  }

  open(stages: readonly StreamStage[]): void {
    const lane = this.#open(stages)
    this.#lane = lane
    for (const work of this.#waiting) work(lane)
    this.#waiting = []
  }

  /** The stages cannot be had: the stream fails. */
  break(options: LaneOptions, error: Error): void {
    this.#isBroken = true
    const explained = options.explain(error)
    options.finish(explained, errorEvent(options.target, explained))
  }

  #then(work: (lane: Lane) => void): void {
    if (this.#isBroken) return
    if (this.#lane) work(this.#lane)
    else this.#waiting.push(work)
  }
}
