import type { z } from 'zod'
import type { StreamPart } from './canonical/chat.ts'
import type { JsonObject } from './canonical/json.ts'
import type { HeaderList } from './edge.ts'
import type { Scan } from './scan.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'
import type { Tail } from './upstream/follow-tail.ts'

/** Operations of the gateway, by the names of api.md 1.3 (`extra_fields.request_type`); streams add `_stream`. */
export type Operation = 'chat_completion' | 'text_completion' | 'responses' | 'list_models' | 'embedding' | 'rerank' | 'count_tokens'

/** The closed vocabulary of deviations from a format. When three providers need a new word, add one; when one does, use `patch`. */
export interface Quirks {
  /** Top-level body fields that the provider rejects. */
  drop?: readonly string[]
  /** The same for translated bodies alone: a client of the very dialect is told by the provider that it refuses them. */
  dropTranslated?: readonly string[]
  /** Top-level body fields it calls otherwise: ours -> theirs. */
  rename?: Readonly<Record<string, string>>
  /** Bounds of numbers: field -> [least, most]. */
  clamp?: Readonly<Record<string, readonly [number, number]>>
  /** Fields sent when the client said nothing. */
  defaults?: Readonly<Record<string, string | number | boolean>>
  /** Role that `developer` messages take. */
  systemRole?: 'system'
  /** Where its answers keep reasoning: `reasoning` or `reasoning_content`. */
  reasoningField?: string
  /** Reasoning efforts that it does not know, and what they become. */
  effort?: Readonly<Record<string, string>>
  /** Changes of one provider alone, on the finished body; pure, returns the names it dropped. */
  patch?: (body: Record<string, unknown>) => readonly string[]
  /** Top-level fields that `patch` looks at: it need not run on a body that has none of them. Absent: always. */
  patchFields?: readonly string[]
}

/** How a key signs a request in: a row of `providers/auth/index.ts`. */
export type AuthKind = 'bearer' | 'x-api-key' | 'x-goog-api-key' | 'entra' | 'entra-x-api-key' | 'sigv4' | 'google' | 'none'

/** What an entry may decide a path by. `model` is the provider's own name for it, aliases resolved. */
export interface PathFacts {
  model: string
  /** Which of the format's methods the body is for, where it has several (`EncodedRequest.method`). */
  method?: string | undefined
  isStream: boolean
  key: KeySettings | undefined
  settings: ProviderSettings
}

/** What an entry may decide by whether it takes a client's body as it came. */
export interface NativeFacts extends PathFacts {
  /** The model as the client's path names it. */
  asked: string
  body: Scan
}

/** The path below the base URL, with its query; model names in it are escaped. */
export type PathOf = (facts: PathFacts) => string

/** A block of a key that belongs to one provider (its endpoint, its region). */
export interface KeyConfig {
  /** Its name in config.json: the provider's, and `_key_config`. */
  name: string
  /** Strict; its checks report what can be known at boot (a region that cannot be, a credential file that is no JSON). */
  schema: z.ZodObject
  /** Keys without the block are refused at boot. */
  isRequired?: boolean
}

/** Where the answer is, when the first one only promises it (a prediction under way). */
export interface NextStep {
  /** As the provider wrote it. Its path is asked for below the configured base URL, or at its own origin if `hosts` names it. */
  url: string
  /** Pause before asking, in milliseconds. */
  afterMs?: number
  /** Ask for a stream of events. */
  isStream?: boolean
  /** Of a stream, where what it does not tell is asked for (GET) at its end, if anybody wants to know the usage. */
  tail?: Tail
  /** Where to say that nobody waits any more (POST), when the client has left. */
  cancelUrl?: string
}

/** A registry entry: a provider as data over a format. */
export interface Provider {
  name: string
  /** Name of the format it speaks. */
  format: string
  /** Names of the formats of operations that it serves in another one. */
  formats?: Partial<Record<Operation, string>>
  /** Origin and path prefix without a trailing slash; absent where each key brings its own. */
  baseUrl?: string
  /** The version that its paths begin with, where a function makes them: base URLs may end in it already. `v1` of plain paths is known. */
  apiVersion?: string
  /** The base URL that a key leads to (its region, its endpoint); `network_config.base_url` goes first. Undefined: the key lacks it. */
  keyBaseUrl?: (key: KeySettings | undefined) => string | undefined
  auth: AuthKind
  /** Path below the base URL, per operation. An operation that is not named here is not supported, or translated to one that is. */
  paths: Partial<Record<Operation, string | PathOf>>
  /**
   * The path that takes a client's body as it came, in a dialect that the provider has besides its own; undefined: what it is
   * asked then is translated. `format`: the name of the client's.
   */
  native?: (format: string, facts: NativeFacts) => string | undefined
  /** The entry that serves a model of another family (Claude on Vertex); undefined: this one. Same key config and settings. */
  variant?: (model: string, operation: Operation) => Provider | undefined
  /** The model as the body or path says it, where that differs from its name after the provider's. */
  wireModel?: (model: string, facts: { operation: Operation; key: KeySettings | undefined }) => string
  /** The block of its keys that only this provider has. */
  keyConfig?: KeyConfig
  /** Where to ask next when an answer is none yet; undefined: it is the answer. */
  follow?: (answer: JsonObject, wantsStream: boolean) => NextStep | undefined
  /** Origins besides the base URL's that `follow` may lead to, with the key: host names, or suffixes that begin with ".". */
  hosts?: readonly string[]
  /** Headers sent with each request (`anthropic-version`). Lower-case names. */
  headers?: Readonly<Record<string, string>>
  /** Headers that any client may send on to it, whatever dialect it speaks (`prefer`). Lower-case names. */
  clientHeaders?: readonly string[]
  /** The beta flags that it takes, by how they begin; absent: all. `network_config.beta_header_overrides` goes first. */
  betas?: readonly string[]
  quirks?: Quirks
  /** The key's settings block that holds the URL (`ollama_key_config`): then `baseUrl` is not used. */
  keyUrl?: string
  /** That block must also name the one model the key serves (`model_name`). */
  keyModelName?: boolean
  /** The environment variable that creates this provider when there is no configuration file. */
  envKey?: string
  /** Custom providers may name it as their `base_provider_type`. */
  isBase?: boolean
  /** A key may have no value (then no credential is sent), or the provider needs no key at all. */
  keyless?: 'value' | 'key'
  /** Sent where the format demands a limit and the client gave none. */
  defaultMaxOutputTokens?: number
  /** Answers from the process itself, without an upstream (the `demo` provider). */
  respond?: (request: { model: string; text: string }) => readonly StreamPart[]
  /** The models it has, where there is no list to ask for. */
  models?: readonly string[]
  /** Reads the list-models answer where it differs from `{data: [{id}]}`. */
  modelIds?: (body: unknown) => string[]
  /** Where the list-models answer goes on, as the provider wrote it; undefined: this page was the last. Followed like `follow`. */
  nextModels?: (body: unknown) => string | undefined
}

/** Declares a provider; checked against `Provider`, returned as it is. */
export function defineProvider(provider: Provider): Provider {
  return provider
}

/** A minted credential as data. */
export interface Credential {
  /** What `sign` reads: `{token}`, or AWS's `{accessKeyId, secretAccessKey, sessionToken}`. Secret. */
  values: Readonly<Record<string, string>>
  /** Milliseconds since 1970; Infinity: it does not end. */
  expiresAt: number
}

/** A request that is to be signed. */
export interface SignableRequest {
  method: string
  protocol: 'http:' | 'https:'
  /** `host:port` as the Host header says it. */
  host: string
  /** With prefix and query. */
  path: string
  /** Lower-case names. */
  headers: HeaderList
  body: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  now: number
}

/** A way to sign in. */
export interface Authenticator {
  /** Header lines that every request with this key carries; made once per key. None where the key has no value. */
  headers(key: KeySettings, settings: ProviderSettings): HeaderList
  /**
   * Mints the credential of a key: a call to a token server, a chain of places to look. Runs in one thread for the whole
   * process, ahead of the end of the last one (core/mint.ts). Absent, or undefined for a key: it needs none.
   */
  mint?(key: KeySettings, settings: ProviderSettings): (() => Promise<Credential>) | undefined
  /** Header lines of one request, made from the minted credential (undefined where `mint` makes none). Absent, or undefined: nothing. */
  sign?(
    request: SignableRequest,
    facts: { key: KeySettings; settings: ProviderSettings; credential: Credential | undefined },
  ): HeaderList | Promise<HeaderList> | undefined
}
