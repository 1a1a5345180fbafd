import { randomUUID } from 'node:crypto'
import type { ChatRequest, ChatResponse } from './canonical/chat.ts'
import type { EmbedRequest, EmbedResponse } from './canonical/embed.ts'
import type { AnyRequest, AnyResponse } from './canonical/operations.ts'
import type { RerankRequest } from './canonical/rerank.ts'
import type { HeaderList, Incoming } from './edge.ts'
import { GatewayError } from './errors.ts'
import type { Carry, Format, Framing, NamedByPath } from './format.ts'
import type { PluginSet } from './plugin/sets.ts'
import type { Operation } from './provider.ts'
import type { Member } from './roster.ts'
import type { Scan } from './scan.ts'
import type { ClientSettings, VirtualKeySettings } from './snapshot.ts'

/** What plugins keep for one request. Authors add their own field by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: augmented by plugins
export interface PluginState {}

/** Who asks. Grows with governance; the gateway's own calls inherit it. */
export interface Identity {
  /** As it stood when the request came: a later change of it is another request's. */
  virtualKey?: VirtualKeySettings | undefined
  /** Only who has signed in to the management API may go on; the main thread is asked. */
  needsAdmin?: boolean | undefined
}

/** A function that serves a child request; set by the gateway (core/pipeline.ts). */
export type Execute = (ctx: Context, request: AnyRequest, reason: string) => Promise<AnyResponse>

/** One request on its way through the gateway: a fixed shape, made at header time, dropped at the end. */
export class Context implements Member {
  /** Kept by the roster of what is under way. */
  place: number | undefined = undefined
  readonly id: string
  readonly incoming: Incoming
  readonly operation: Operation
  /** The client's dialect. */
  readonly inbound: Format
  /** What the path says; undefined where the body says it. */
  readonly named: NamedByPath | undefined
  readonly client: ClientSettings
  readonly identity: Identity
  /** Milliseconds of a monotonic clock. */
  readonly startedAt: number
  readonly parent: Context | undefined
  /** How many `ctx.call`s deep; also counts passes through the gateway's own address. */
  readonly depth: number
  /** Header lines for the answer, besides the dialect's own. */
  readonly replyHeaders: [string, string][] = []

  /** Provider of the attempt under way, and the model as asked for (an alias is not resolved here). */
  provider = ''
  model = ''
  stream = false
  /** Targets to try after the first: `provider/model`. */
  fallbacks: readonly string[] = []
  /** Counts every upstream attempt of this request, from 0. */
  attempt = 0
  /** 0 for the first target. */
  fallbackIndex = 0
  /** What plugins keep. */
  readonly state: PluginState = {}

  /** The body with the spans of its fields; absent for requests without one. */
  scan: Scan | undefined
  carry: Carry | undefined
  /** What only the client's own format can carry (DecodedRequest), once decoded. */
  ownOnly: readonly string[] = []
  /** Name of the plugin whose handler runs without `needs: 'canonical'`; reading `request` is then a fault of it. */
  guardedBy: string | undefined
  /** Told when a handler reads `request` undeclared. Set by the gateway: throws in tests, warns in production. */
  onUndeclaredRead: ((plugin: string) => void) | undefined
  execute: Execute | undefined
  /** The plugins that serve it to its end, whatever the configuration says later; those of now while it has not begun. */
  plugins: PluginSet | undefined

  #request: AnyRequest | undefined
  #isEdited = false
  #abortListeners: (() => void)[] | undefined
  #abortController: AbortController | undefined
  #abortReason: GatewayError | undefined

  constructor(init: {
    id: string
    incoming: Incoming
    operation: Operation
    inbound: Format
    named?: NamedByPath | undefined
    client: ClientSettings
    identity: Identity
    startedAt: number
    parent?: Context | undefined
    depth?: number | undefined
  }) {
    this.id = init.id
    this.incoming = init.incoming
    this.operation = init.operation
    this.inbound = init.inbound
    this.named = init.named
    this.client = init.client
    this.identity = init.identity
    this.startedAt = init.startedAt
    this.parent = init.parent
    this.depth = init.depth ?? 0
  }

  /** A request of the gateway's own, on behalf of `parent`: the same caller, its own attempts. `now`: the gateway's clock. */
  static child(parent: Context, request: AnyRequest, now: number): Context {
    const { incoming, inbound, client, identity } = parent
    const operation = operationOf(request, parent.operation)
    const depth = parent.depth + 1
    const child = new Context({ id: randomUUID(), incoming, operation, inbound, client, identity, startedAt: now, parent, depth })
    child.request = request
    child.stream = 'stream' in request && request.stream
    child.execute = parent.execute
    child.plugins = parent.plugins
    return child
  }

  /**
   * The canonical request, decoded on first use. Frozen at the top: to edit, assign a changed copy. Where the operation is neither a
   * chat nor the count of one's tokens this throws: such requests are read by `embedding` and `rerank`, and assigned here.
   */
  get request(): ChatRequest {
    if (OTHER_REQUESTS.has(this.operation))
      throw new TypeError(
        `ctx.request of the operation ${this.operation} is no chat: name the handler's operations, or read its own accessor`,
      )
    return this.#read() as ChatRequest
  }
  set request(next: AnyRequest) {
    this.#request = Object.freeze(next)
    this.#isEdited = true
    this.model = next.model
  }
  /** Whether a plugin assigned `request`; then the original bytes no longer say what is asked. */
  get isEdited(): boolean {
    return this.#isEdited
  }
  /** What is to be embedded; undefined where the operation is another. */
  get embedding(): EmbedRequest | undefined {
    return this.operation === 'embedding' ? (this.#read() as EmbedRequest) : undefined
  }
  /** What is to be ranked; undefined where the operation is another. */
  get rerank(): RerankRequest | undefined {
    return this.operation === 'rerank' ? (this.#read() as RerankRequest) : undefined
  }
  #read(): AnyRequest {
    if (this.guardedBy !== undefined) this.onUndeclaredRead?.(this.guardedBy)
    return this.#decode()
  }
  /** Same as `request`, for the core's own use, which hands it from one side of a format to the other whatever the operation. */
  decoded(): ChatRequest {
    return this.#decode() as ChatRequest
  }
  #decode(): AnyRequest {
    if (this.#request) {
      // The target may have changed since: a fallback, or a provider that was split off.
      if (this.#request.model !== this.model) this.#request = Object.freeze({ ...this.#request, model: this.model })
      return this.#request
    }
    const decoder = this.inbound.inbound
    if (!decoder || !this.scan) throw new GatewayError('GW_INTERNAL', { id: this.id, reason: 'no request to decode' })
    const { request, carry, ownOnly } = decoder.decodeRequest(this.scan.parse(), this.named)
    this.carry = carry
    this.ownOnly = ownOnly ?? []
    // The decoder's own, which nobody else has.
    request.model = this.model
    this.#request = Object.freeze(request)
    return this.#request
  }

  /** How the client's stream is cut into events. */
  get framing(): Framing {
    return this.named?.framing ?? this.inbound.framing
  }
  get maxOutputTokens(): number | undefined {
    if (this.#request) return (this.#request as ChatRequest).maxOutputTokens
    return this.scan && this.inbound.lens.maxOutputTokens(this.scan)
  }
  /** The texts of the conversation, without decoding the rest. */
  get texts(): readonly string[] {
    return this.scan ? this.inbound.lens.texts(this.scan) : []
  }
  header(name: string): string | undefined {
    return this.incoming.headers.get(name)
  }
  get headers(): HeaderList {
    return [...this.incoming.headers]
  }

  get isAborted(): boolean {
    return this.#abortReason !== undefined
  }
  /** Why the request was given up: the client left, or the deadline passed. */
  get abortReason(): GatewayError | undefined {
    return this.#abortReason
  }
  /** An AbortSignal for libraries that take one; made on first use. */
  get signal(): AbortSignal {
    this.#abortController ??= new AbortController()
    if (this.isAborted) this.#abortController.abort()
    return this.#abortController.signal
  }
  /** Calls `listener` when the client leaves; returns how to stop listening. */
  onAbort(listener: () => void): () => void {
    if (this.isAborted) listener()
    else {
      this.#abortListeners ??= []
      this.#abortListeners.push(listener)
    }
    return () => {
      const listeners = this.#abortListeners
      // The last that came is the first to go.
      if (listeners?.at(-1) === listener) listeners.pop()
      else {
        const at = listeners?.indexOf(listener) ?? -1
        if (at >= 0) listeners?.splice(at, 1)
      }
    }
  }
  abort(reason = new GatewayError('GW_CANCELLED')): void {
    if (this.#abortReason) return
    this.#abortReason = reason
    this.#abortController?.abort(reason)
    const listeners = this.#abortListeners ?? []
    this.#abortListeners = undefined
    for (const listener of listeners) listener()
  }

  /** Serves another request on behalf of this one: same identity, own attempts, inherits abort. At most 5 deep. */
  call(request: ChatRequest, options: { reason: string }): Promise<ChatResponse> {
    return this.#execute(request, options.reason) as Promise<ChatResponse>
  }
  /** The same for embeddings: what a cache by meaning asks for. */
  embed(request: EmbedRequest, options: { reason: string }): Promise<EmbedResponse> {
    return this.#execute(request, options.reason) as Promise<EmbedResponse>
  }
  #execute(request: AnyRequest, reason: string): Promise<AnyResponse> {
    if (!this.execute) throw new GatewayError('GW_INTERNAL', { id: this.id, reason: 'no gateway behind this context' })
    return this.execute(this, request, reason)
  }
}

/** Operations whose requests are no chats. */
const OTHER_REQUESTS: ReadonlySet<Operation> = new Set(['embedding', 'rerank'])

const CHATS: ReadonlySet<Operation> = new Set(['chat_completion', 'text_completion', 'responses'])

/** What a request of the gateway's own asks for, by its form: a chat is asked for as its parent was. */
function operationOf(request: AnyRequest, parent: Operation): Operation {
  if ('messages' in request) return CHATS.has(parent) ? parent : 'chat_completion'
  return 'inputs' in request ? 'embedding' : 'rerank'
}

/** Anything thrown while a request was served, as an error of the table. A request that was given up says why. */
export function asGatewayError(error: unknown, ctx: Context): GatewayError {
  if (ctx.abortReason) return ctx.abortReason
  return error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: ctx.id }, { cause: error })
}
