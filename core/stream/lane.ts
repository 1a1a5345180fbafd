import type { Usage } from '../canonical/usage.ts'
import type { Deadlines } from '../deadlines.ts'
import type { GatewayError } from '../errors.ts'
import type { ExtraFields } from '../extra-fields.ts'
import type { Format, Framing } from '../format.ts'
import type { StreamStage } from '../hooks/hooks.ts'

/** How a stream gets from the provider to the client. */
export type LaneName = 'passthrough' | 'inline' | 'pool'

/** Takes the provider's bytes. Writes to the live stream it was made with. */
export interface Lane {
  data(chunk: Uint8Array): void
  /** The provider closed the stream in order. */
  end(): void
  /** The stream was lost. */
  fail(error: GatewayError): void
  /** Usage seen so far, where it was asked for. */
  readonly usage: Usage | undefined
}

/** Where a lane writes. */
export interface LaneOutput {
  write(chunk: string | Uint8Array): void
  commit(): void
  /** The gateway's clock, in milliseconds. */
  now(): number
  /** Where stages' alarms run. */
  deadlines: Deadlines
}

/** What every lane is told of its stream. */
export interface LaneOptions {
  /** The provider's dialect. */
  source: Format
  /** How the provider's bytes are cut into events; absent: as its dialect does. */
  framing?: Framing | undefined
  /** The client's dialect. */
  target: Format
  /** How the client's stream is cut into events; absent: as its dialect does. */
  targetFraming?: Framing | undefined
  live: LaneOutput
  extra: ExtraFields | undefined
  /** `extra_fields` in every event. */
  extraOnAll: boolean
  /** The client takes calls whole alone. */
  wholeCalls?: boolean | undefined
  /** The provider's own events beside, for `x-bf-send-back-raw-response`. */
  sendsRaw: boolean
  wantsUsage: boolean
  /** The client did not ask for the usage event: it is read and left out. */
  hidesUsage: boolean
  /** Makes any error a GatewayError that names provider, key and attempt. */
  explain(error: Error): GatewayError
  /** Ends the live stream, after `closing`, as a writer of its framing wrote it: the dialect's error event, or a terminator the provider left out. */
  finish(error: GatewayError | undefined, closing?: string | Uint8Array): void
}

/** Event-loop utilisation of the data thread above which translation moves to the pool: below, one warm connection pool is worth more. */
export const BUSY_UTILISATION = 0.7

/** What the choice of a lane depends on. */
export interface LaneQuestion {
  isSameFormat: boolean
  stages: readonly StreamStage[]
  /** A handler wants the whole answer, which is collected on the data thread. */
  wantsResponse: boolean
  /** The data thread's event loop is above BUSY_UTILISATION, and nothing of the stream has come yet. */
  isBusy: boolean
}

/** Chooses the cheapest lane that does what is asked. */
export function chooseLane(question: LaneQuestion): LaneName {
  const { isSameFormat, stages, wantsResponse, isBusy } = question
  if (isSameFormat && stages.length === 0 && !wantsResponse) return 'passthrough'
  const isAddressable = stages.every((stage) => stage.ref !== undefined)
  return isBusy && isAddressable && !wantsResponse && !isSameFormat ? 'pool' : 'inline'
}
