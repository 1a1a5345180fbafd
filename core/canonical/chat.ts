import type { Json, JsonObject } from './json.ts'
import type { Stop } from './stop.ts'
import type { Usage } from './usage.ts'

/** What only one format knows, by the format's name; re-emitted only to that format. */
export type Extra = Record<string, JsonObject>

/** Where bytes of an image, a document or a sound come from. `data` is base64 without a data-URL prefix. */
export type Source =
  | { kind: 'data'; mediaType: string; data: string }
  | { kind: 'url'; url: string; mediaType?: string | undefined }
  | { kind: 'file'; id: string; mediaType?: string | undefined }
  | { kind: 'text'; text: string; mediaType?: string | undefined }
  | { kind: 'parts'; parts: readonly Part[] }

/** A cache breakpoint after the part that carries it. `ttl` as the vendor writes it: `5m`, `1h`. */
export interface CacheControl {
  ttl?: string | undefined
  scope?: string | undefined
}

/**
 * A source of what the model says, with what it quoted; several sources of one passage are several citations. Offsets count
 * Unicode code points of the answer's text part, as OpenAI and Cohere do (Gemini counts bytes: its translators convert).
 */
export interface Citation {
  kind: 'url' | 'document'
  url?: string | undefined
  title?: string | undefined
  text?: string | undefined
  start?: number | undefined
  end?: number | undefined
  extra?: Extra | undefined
}

interface PartBase {
  cache?: CacheControl | undefined
  extra?: Extra | undefined
}

/** Text that a user reads, with what it cites. */
export interface TextPart extends PartBase {
  type: 'text'
  text: string
  citations?: readonly Citation[] | undefined
}
/** A picture, sent or generated. */
export interface ImagePart extends PartBase {
  type: 'image'
  source: Source
  /** `low`, `high`, `auto` where the client said so. */
  detail?: string | undefined
}
/** A sound. */
export interface AudioPart extends PartBase {
  type: 'audio'
  source: Source
  /** What is said, where the provider writes it down; text deltas continue it. */
  text?: string | undefined
}
/** A file of any other kind, told by its media type: PDF, text, video. */
export interface DocumentPart extends PartBase {
  type: 'document'
  source: Source
  name?: string | undefined
  context?: string | undefined
  /** The client asks that the answer cites this document. */
  cites?: boolean | undefined
}
/**
 * What the model thought. `signature` proves to the provider that it wrote the text; `redacted` is the sealed form
 * (Anthropic `redacted_thinking`, Responses `encrypted_content`) and then `text` is empty. `summary` marks a summary.
 */
export interface ReasoningPart extends PartBase {
  type: 'reasoning'
  text: string
  id?: string | undefined
  signature?: string | undefined
  redacted?: string | undefined
  summary?: boolean | undefined
  /**
   * Family of models that can verify `signature` or `redacted`: `anthropic`, `openai`, `google`. Encoders of another family
   * leave the proof out; absent is unknown.
   */
  signedBy?: string | undefined
}
/** A call the model asks for. `arguments` is text as the provider wrote it: JSON for functions, free text for `custom`. */
export interface ToolCallPart extends PartBase {
  type: 'tool-call'
  id: string
  name: string
  arguments: string
  /** `function` unless said; `custom` takes free text; `server` was run by the provider itself. */
  kind?: 'function' | 'custom' | 'server' | undefined
  /** Gemini's thought signature, which must come back with the call. */
  signature?: string | undefined
}
/** What a tool answered, in a `user` message (or in an `assistant` one when the provider ran the tool). */
export interface ToolResultPart extends PartBase {
  type: 'tool-result'
  id: string
  name?: string | undefined
  parts: readonly Part[]
  isError?: boolean | undefined
  kind?: 'function' | 'custom' | 'server' | undefined
}
/** What the model says instead of an answer it declines to give. */
export interface RefusalPart extends PartBase {
  type: 'refusal'
  text: string
}
/** A part that only its own format understands, kept whole and in its place. */
export interface OpaquePart extends PartBase {
  type: 'opaque'
  format: string
  value: JsonObject
}

/** Anything that a message can hold. */
export type Part =
  | TextPart
  | ImagePart
  | AudioPart
  | DocumentPart
  | ReasoningPart
  | ToolCallPart
  | ToolResultPart
  | RefusalPart
  | OpaquePart

/**
 * One turn. There is no `tool` role: a tool's answer is a part of a `user` message, so that formats that mix results
 * with text (Anthropic, Gemini, Bedrock) and formats that keep them apart (OpenAI, Cohere, Responses) both embed.
 */
export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant'
  parts: readonly Part[]
  name?: string | undefined
  extra?: Extra | undefined
}

/** A function the client runs when the model calls it. */
export interface FunctionTool {
  kind: 'function'
  name: string
  description?: string | undefined
  /** JSON Schema of the arguments, as the client wrote it. */
  parameters?: JsonObject | undefined
  strict?: boolean | undefined
  cache?: CacheControl | undefined
  extra?: Extra | undefined
}
/** A tool that takes free text (OpenAI `custom`). */
export interface CustomTool {
  kind: 'custom'
  name: string
  description?: string | undefined
  grammar?: JsonObject | undefined
  extra?: Extra | undefined
}
/** A tool that the provider runs; `name` is the neutral name, `value` the client's own object. */
export interface ServerTool {
  kind: 'server'
  name: string
  format: string
  value: JsonObject
}
/** Anything the model may call. */
export type Tool = FunctionTool | CustomTool | ServerTool

/** Whether and which tools the model may or must call. */
export type ToolChoice =
  | { mode: 'auto' | 'none' | 'required' }
  | { mode: 'tool'; name: string; kind?: 'function' | 'custom' | undefined }
  | { mode: 'allowed'; names: readonly string[]; required: boolean }

/** How hard to think, from none to the most the model can. */
export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

/** How much to think: by effort, by a budget of tokens, or left to the model (`adaptive`). */
export interface Reasoning {
  effort?: Effort | undefined
  budgetTokens?: number | undefined
  adaptive?: boolean | undefined
  /** Whether thoughts are shown: `summarized` or `omitted`. */
  display?: string | undefined
}

/** What form the answer must have. */
export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json-object' }
  | {
      type: 'json-schema'
      name: string
      schema: JsonObject
      strict?: boolean | undefined
      description?: string | undefined
    }

/** A chat request in no vendor's dialect. Absent means "not said"; a value that was said is never normalised away. */
export interface ChatRequest {
  model: string
  messages: readonly Message[]
  stream: boolean
  /** The client asked for usage in the stream. */
  streamUsage?: boolean | undefined
  tools?: readonly Tool[] | undefined
  toolChoice?: ToolChoice | undefined
  parallelToolCalls?: boolean | undefined
  maxOutputTokens?: number | undefined
  temperature?: number | undefined
  topP?: number | undefined
  topK?: number | undefined
  stop?: readonly string[] | undefined
  seed?: number | undefined
  presencePenalty?: number | undefined
  frequencyPenalty?: number | undefined
  logitBias?: JsonObject | undefined
  logprobs?: boolean | undefined
  topLogprobs?: number | undefined
  /** How many answers (`n`). */
  choices?: number | undefined
  reasoning?: Reasoning | undefined
  responseFormat?: ResponseFormat | undefined
  verbosity?: string | undefined
  modalities?: readonly string[] | undefined
  audio?: JsonObject | undefined
  prediction?: JsonObject | undefined
  user?: string | undefined
  safetyIdentifier?: string | undefined
  metadata?: JsonObject | undefined
  serviceTier?: string | undefined
  store?: boolean | undefined
  promptCacheKey?: string | undefined
  promptCacheRetention?: string | undefined
  extra?: Extra | undefined
}

/** One of the answers to a request. */
export interface Choice {
  index: number
  parts: readonly Part[]
  stop: Stop
  /** OpenAI's log-probability object, kept as it came. */
  logprobs?: Json | undefined
  extra?: Extra | undefined
}

/** A whole answer. `created` is in seconds since 1970, absent where the provider does not say. */
export interface ChatResponse {
  id: string
  model: string
  created?: number | undefined
  choices: readonly Choice[]
  usage?: Usage | undefined
  serviceTier?: string | undefined
  extra?: Extra | undefined
}

/** What a delta adds to an open part: text to text-like parts, `arguments` to calls, the rest once each. */
export interface PartDelta {
  text?: string | undefined
  arguments?: string | undefined
  signature?: string | undefined
  redacted?: string | undefined
  citation?: Citation | undefined
  /** Base64 that continues an image or a sound. */
  data?: string | undefined
  extra?: Extra | undefined
}

/**
 * One step of a streamed answer. Order: `response-start`, then per choice any number of parts (each `part-start`,
 * `part-delta`*, `part-end`; parts of one choice may overlap, told apart by `index`, counted from 0 per choice), a
 * `choice-end` each, at last `response-end`. `usage` and `logprobs` may come anywhere between; later usage replaces earlier.
 * A delta with nothing but a citation may follow its part's end, because some providers name sources only at the very end.
 * A stream that stops before `response-end` was cut.
 */
export type StreamPart =
  | {
      type: 'response-start'
      id: string
      model: string
      created?: number | undefined
      serviceTier?: string | undefined
      extra?: Extra | undefined
    }
  | { type: 'part-start'; choice: number; index: number; part: Part }
  | { type: 'part-delta'; choice: number; index: number; delta: PartDelta }
  | { type: 'part-end'; choice: number; index: number }
  | { type: 'logprobs'; choice: number; value: Json }
  | { type: 'choice-end'; choice: number; stop: Stop; extra?: Extra | undefined }
  | { type: 'usage'; usage: Usage; serviceTier?: string | undefined }
  | { type: 'opaque'; format: string; value: JsonObject }
  | { type: 'response-end' }
