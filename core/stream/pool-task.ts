import type { MessagePort } from 'node:worker_threads'
import type { ErrorFacts } from '../attempt-facts.ts'
import type { Usage } from '../canonical/usage.ts'
import type { ErrorCode, ErrorDetail } from '../errors.ts'
import type { ExtraFacts } from '../extra-fields.ts'
import type { FoldRef } from '../fold.ts'
import type { Carry, ReplyOptions } from '../format.ts'
import type { Target, UpstreamFault, UpstreamHead, UpstreamRequest } from '../upstream/types.ts'

/** Where a format can be imported from: its module, which exports it as `format`. */
export interface FormatRef {
  module: string
}

/** A target as data: structured clone refuses a URL. */
export type TargetData = Omit<Target, 'proxy'> & { proxy: (Omit<NonNullable<Target['proxy']>, 'url'> & { url: string }) | undefined }

/** One stream for the pool, as data: where to ask, what, and how its events become the client's. */
export interface PoolTask {
  port: MessagePort
  target: TargetData
  request: UpstreamRequest
  source: FormatRef
  client: FormatRef
  stages: readonly ({ on: 'bytes' | 'frames' | 'parts' } & FoldRef)[]
  reply: ReplyOptions
  carry: Carry | undefined
  extra: ExtraFacts | undefined
  errors: ErrorFacts
  extraOnAll: boolean
  sendsRaw: boolean
}

/** A GatewayError as data. */
export interface PlainError {
  code: ErrorCode
  detail: ErrorDetail
  allowFallbacks: boolean
}

/** worker -> data thread. `data` and `end` carry answers that are no stream: errors, whole bodies. */
export type PoolReport =
  | { type: 'head'; head: UpstreamHead }
  | { type: 'data'; bytes: Uint8Array }
  | { type: 'end' }
  | { type: 'fault'; kind: UpstreamFault['kind']; message: string; isReplayable: boolean; phase: UpstreamFault['phase'] }
  /** Events for the client. An empty text says that the provider is alive. */
  | { type: 'batch'; text: string }
  | { type: 'commit' }
  | { type: 'usage'; usage: Usage }
  | { type: 'finish'; error?: PlainError | undefined; closing: string | Uint8Array }

/** data thread -> worker. `taken`: so many characters of batches have been read from the port. */
export type PoolOrder = { type: 'pause' } | { type: 'resume' } | { type: 'abort' } | { type: 'taken'; size: number }
