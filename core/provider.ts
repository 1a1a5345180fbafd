import type { StreamPart } from './canonical/chat.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** Operations of the gateway, by the names of api.md 1.3 (`extra_fields.request_type`); streams add `_stream`. */
export type Operation = 'chat_completion' | 'list_models'

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

/** How a key is written into a request. */
export type AuthKind = 'bearer' | 'x-api-key' | 'none'

/** A registry entry: a provider as data over a format. */
export interface Provider {
  name: string
  /** Name of the format it speaks. */
  format: string
  /** Origin and path prefix without a trailing slash; absent where each key brings its own. */
  baseUrl?: string
  auth: AuthKind
  /** Path below the base URL, per operation. An operation that is not named here is not supported. */
  paths: Partial<Record<Operation, string>>
  /** Headers sent with each request (`anthropic-version`). Lower-case names. */
  headers?: Readonly<Record<string, string>>
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
}

/** Declares a provider; checked against `Provider`, returned as it is. */
export function defineProvider(provider: Provider): Provider {
  return provider
}

/** Header lines that authenticate a request with a key: plain names and values, none when the key has no value. */
export type Authenticate = (key: KeySettings, provider: ProviderSettings) => readonly (readonly [string, string])[]
