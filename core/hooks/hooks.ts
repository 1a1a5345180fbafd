import type { ChatResponse, StreamPart } from '../canonical/chat.ts'
import type { OperationResponse } from '../canonical/operations.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Context } from '../context.ts'
import type { GatewayError } from '../errors.ts'
import type { AsyncFold, Fold, FoldRef } from '../fold.ts'
import type { Operation } from '../provider.ts'
import type { KeySettings, ProviderSettings } from '../snapshot.ts'

/** What a handler may answer: a value or nothing, at once or later. */
export type Maybe<T> = T | undefined | void | Promise<T | undefined | void>

/**
 * An answer in place of the provider's: whole, or as the parts of a stream. Either is served streamed or not, as asked. `answer` is
 * that of an operation which is no chat.
 */
export type Answer = { response: ChatResponse } | { parts: readonly StreamPart[] } | { answer: OperationResponse }

/** One way to serve a request. `model` is the provider's id, after the key's aliases. */
export interface Candidate {
  provider: ProviderSettings
  /** Absent for keyless providers. */
  key?: KeySettings | undefined
  model: string
  /** Share in weighted choice; 0 comes last. */
  weight: number
}

/** How a request ended. For a stream, at its end. */
export type Outcome =
  | {
      ok: true
      isStream: boolean
      provider: string
      model: string
      /** The key's name. */
      key: string | undefined
      latencyMs: number
      usage: Usage | undefined
      /** The whole answer in canonical form; present for handlers that declare `needs: 'response'`, and settable: a replacement is what the client gets (not for streams). */
      response?: ChatResponse | undefined
      /** The same of an operation that is no chat: embeddings, a ranking, a count of tokens. */
      answer?: OperationResponse | undefined
    }
  | { ok: false; error: GatewayError }

/** A stage of a stream: on raw bytes, on frames of the provider's dialect, or on canonical parts. */
export type StreamStage = { on: 'bytes' | 'frames' | 'parts' } & (
  | { fold: Fold<never, unknown>; ref?: undefined; async?: undefined; options?: unknown }
  | { ref: FoldRef; fold?: undefined; async?: undefined }
  | { async: AsyncFold<never, unknown>; fold?: undefined; ref?: undefined; options?: unknown }
)

/** What plugins may listen to. A hook is a line here and in HOOK_KINDS, a call in pipeline.ts, a row in core/README.md, a test. */
export interface HookSignatures {
  /** May edit `ctx.request`, or answer in place of the provider; the first answer wins, and waits for governance. */
  preRequest(ctx: Context): Maybe<Answer>
  /** May refuse; the first refusal wins. */
  governance(ctx: Context): Maybe<GatewayError>
  /** May narrow, reweigh or reorder the candidates. */
  keySelection(candidates: readonly Candidate[], ctx: Context): Maybe<readonly Candidate[]>
  /** Called once per stream, before the first byte: add stages to the chain. */
  stream(stages: readonly StreamStage[], ctx: Context): readonly StreamStage[] | undefined | void
  /** Sees the outcome, good or bad; may replace it. */
  postHook(outcome: Outcome, ctx: Context): Maybe<Outcome>
}
/** The hooks by name. */
export type HookName = keyof HookSignatures

/** `bail`: the first value returned wins. `waterfall`: each handler gets what the one before returned. `onError`: see OnError; the default. */
export const HOOK_KINDS = {
  preRequest: { kind: 'bail', isAsync: true, onError: 'closed' },
  governance: { kind: 'bail', isAsync: true, onError: 'closed' },
  keySelection: { kind: 'waterfall', isAsync: true, onError: 'closed' },
  stream: { kind: 'waterfall', isAsync: false, onError: 'closed' },
  postHook: { kind: 'waterfall', isAsync: true, onError: 'open' },
} as const satisfies Record<HookName, { kind: 'bail' | 'waterfall'; isAsync: boolean; onError: OnError }>

/** What a handler's failure costs: `closed` fails the request with GW_PLUGIN, `open` is logged and counts as "said nothing". */
export type OnError = 'open' | 'closed'

/** What a handler reads: metadata; the texts by the lens; the canonical request; the whole answer. */
export type Need = 'meta' | 'texts' | 'canonical' | 'response'

/** What a handler may say about itself beside its function. */
export interface HookOptions {
  /** Before (`pre`) or after (`post`) the other handlers of the same placement. */
  order?: 'pre' | 'post'
  /** Operations it is called for; all of them where absent. Others never reach it. */
  operations?: readonly Operation[]
  /** What it reads; `meta` where absent. Reading `ctx.request` without `canonical` is a fault. */
  needs?: Need | readonly Need[]
  /** Also called for requests without a valid credential. */
  anonymous?: true
  /** Overrides the plugin's and the hook's own. The only way to close `postHook`. */
  onError?: OnError
}

/** A handler that answers at once. */
export type SyncHandler<Name extends HookName> = (
  ...input: Parameters<HookSignatures[Name]>
) => Exclude<ReturnType<HookSignatures[Name]>, Promise<unknown>>

/** A handler that may wait; it must be declared by `async: true`. */
export type AsyncHandler<Name extends HookName> = (...input: Parameters<HookSignatures[Name]>) => ReturnType<HookSignatures[Name]>

/** What stands under a hook's name in a plugin: a function, or an object around one. `stream` cannot wait. */
export type HookEntry<Name extends HookName> =
  | SyncHandler<Name>
  | (HookOptions & { async?: false; handler: SyncHandler<Name> })
  | ((typeof HOOK_KINDS)[Name]['isAsync'] extends true ? HookOptions & { async: true; handler: AsyncHandler<Name> } : never)

/** The hooks of a plugin. */
export type Hooks = { [Name in HookName]?: HookEntry<Name> }

/** Callers of one operation, built once per snapshot. A hook that nobody listens to is absent, and costs nothing. */
export interface HookCallers {
  preRequest?: HookSignatures['preRequest']
  governance?: HookSignatures['governance']
  keySelection?: HookSignatures['keySelection']
  stream?: HookSignatures['stream']
  postHook?: HookSignatures['postHook']
  /** Union of the needs of all handlers. */
  needs: ReadonlySet<Need>
  /** Those handlers alone that are declared `anonymous`, for requests that `identify` refused; absent where there are none. */
  anonymous?: HookCallers
}
