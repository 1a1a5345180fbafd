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

/** One stream for the pool, as data: where to ask, what, and how its events become the client's. */
export interface PoolTask {
  port: MessagePort
  target: Target
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

/** worker -> data thread. `data` and `end` carry answers that are no stream: errors, whole bodies. */
export type PoolReport =
  | { type: 'head'; head: UpstreamHead; isStream: boolean }
  | { type: 'data'; bytes: Uint8Array }
  | { type: 'end' }
  | { type: 'fault'; kind: UpstreamFault['kind']; message: string; isReplayable: boolean; phase: UpstreamFault['phase'] }
  /** Events for the client. An empty text says that the provider is alive. */
  | { type: 'batch'; text: string }
  | { type: 'commit' }
  | { type: 'usage'; usage: Usage }
  | { type: 'finish'; error?: { code: ErrorCode; detail: ErrorDetail } | undefined; closing: string }

/** data thread -> worker. */
export type PoolOrder = { type: 'pause' } | { type: 'resume' } | { type: 'abort' } | { type: 'fail'; code: ErrorCode; detail: ErrorDetail }
