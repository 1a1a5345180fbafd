import type { BetaRules } from './beta-flags.ts'
import type { ChatRequest, ChatResponse, StreamPart } from './canonical/chat.ts'
import type { Json, JsonObject } from './canonical/json.ts'
import type { Usage } from './canonical/usage.ts'
import type { HeaderList } from './edge.ts'
import type { GatewayError } from './errors.ts'
import type { Fold } from './fold.ts'
import type { Operation, Quirks } from './provider.ts'
import type { Scan } from './scan.ts'

/**
 * One event of a stream, whatever its framing. `data` is the event's text, usually JSON. Of an AWS event stream `event` is the
 * `:event-type`, or the type of an exception (`throttlingException`), or the `:error-code` of an error message.
 */
export interface Frame {
  event?: string | undefined
  data: string
}

/** How a format's streams are cut into frames (core/stream/framing.ts). */
export type Framing = 'sse' | 'sse-typed' | 'json-array' | 'aws-event-stream'

/** What goes from the request's translation to the answer's: plain data (renamed tools, tools that stand for a schema). */
export type Carry = JsonObject

/** A request field that a target cannot take. A `hint` is dropped and reported; a `meaning` is refused (decision D13). */
export interface Drop {
  /** The field's name in the canonical request. */
  field: keyof ChatRequest
  /** The field's name as the client wrote it, for reports and errors. */
  param: string
  kind: 'hint' | 'meaning'
  /** Whether this request's value is really lost (`n: 1` is not). Absent: whenever it is present. */
  when?: (request: ChatRequest) => boolean
}

/** A client's request in canonical form. */
export interface DecodedRequest {
  request: ChatRequest
  carry?: Carry | undefined
  /** Names of fields that change the answer and that only this very format can carry: other targets refuse them by name. */
  ownOnly?: readonly string[] | undefined
}

/** What the path says of a request, in dialects that name the model there (Gemini, Bedrock, Azure's deployments). */
export interface NamedByPath {
  /** Decoded, as the client wrote it: may hold slashes. */
  model: string
  /** Absent: the body says it. */
  stream?: boolean | undefined
  /** How the client wants its stream cut, where that is not the dialect's usual way. */
  framing?: Framing | undefined
  /** What is asked for, where one route serves several operations, with the name of the dialect's format of it. */
  operation?: Operation | undefined
  format?: string | undefined
  /** Which of that format's methods, where it has several. */
  method?: string | undefined
}

/** What an encoder must know of the provider. */
export interface EncodeOptions {
  /** The provider's name, for errors. */
  provider?: string | undefined
  /** The provider's deviations from the format. */
  quirks?: Quirks | undefined
  /** Which beta flags the provider is sent, for formats that put theirs into the body; those in headers are the core's business. Absent: all. */
  betas?: BetaRules | undefined
  /** Flags that the client said in one of the format's `bodyHeaders`, as far as the provider takes them. */
  clientBetas?: readonly string[] | undefined
  /** Leave out what the format cannot carry instead of refusing it (compat.should_drop_params). */
  dropUnsupported?: boolean | undefined
  /** Sent where the format demands a limit and the client gave none. */
  defaultMaxOutputTokens?: number | undefined
}

/** A request in a provider's dialect. */
export interface EncodedRequest {
  body: JsonObject
  carry?: Carry | undefined
  /** What was asked for comes in other words (a call in place of JSON): the answer is decoded even for clients of this very format. */
  decodesAnswer?: boolean | undefined
  /** Headers that the body calls for (beta flags). Lower-case names. */
  headers?: Record<string, string> | undefined
  /** Names of hints that were left out, as the client wrote them. */
  dropped?: readonly string[] | undefined
  /** Which of the format's methods the body is for, where it has several: the path may depend on it. */
  method?: string | undefined
}

/** Facts an answer's encoder needs that are not in the answer. Times in seconds since 1970. */
export interface ReplyOptions {
  /** Used when the provider gave no id. */
  id: string
  created: number
  /** The model to name when the provider named none. */
  model: string
  /** The client asked for usage in the stream. */
  streamUsage?: boolean | undefined
  carry?: Carry | undefined
  /** The client takes calls whole alone (Inbound.wantsWholeCalls). */
  wholeCalls?: boolean | undefined
}

/** The client's side of a format. All functions are pure: no I/O, clock, random or logging. */
export interface Inbound {
  /** Reads a path that names the model (Route.namesModel), from its last segments; undefined where it names none: such a route is not there. */
  readPath?(path: string, query: string): NamedByPath | undefined
  /**
   * Throws GatewayError GW_INVALID_REQUEST with `param` (the field's path) for what cannot be right. `named` is given where the
   * dialect's path names model and streaming, and rules over the body then.
   */
  decodeRequest(body: JsonObject, named?: NamedByPath): DecodedRequest
  /**
   * Refuses, with GW_INVALID_REQUEST, what no provider could serve: also bodies that go on as they came, and are not decoded. Absent:
   * the provider decides.
   */
  check?(scan: Scan): void
  encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject
  /** Header lines that a whole answer of this dialect has besides. Lower-case names. */
  answerHeaders?(response: ChatResponse): HeaderList
  /** `start(options: ReplyOptions)`. Writes the terminator on `response-end`, the error event when ended with an error. */
  encodeStream: Fold<StreamPart, Frame>
  /**
   * Writes more of the text that `encodeStream` (whose state this is) wrote last, by hand: for dialects whose events of text differ in
   * more than the text (numbers, checksums). `json` is the text as JSON writes it, without its quotes. The frame's data lacks its
   * closing brace.
   */
  encodeText?(state: unknown, json: string): Frame
  encodeError(error: GatewayError): JsonObject
  /** The event that tells a client mid-stream that the answer is lost. */
  encodeErrorFrame(error: GatewayError): Frame
  /** Header lines that an error answer of this dialect has besides. Lower-case names. */
  errorHeaders?(error: GatewayError): Record<string, string>
  /** A list of models, by their ids; absent: as OpenAI writes it. */
  encodeModels?(ids: readonly string[]): JsonObject
  /** What is known of one model, where the dialect's paths ask for it (NamedByPath.operation `list_models`). */
  encodeModel?(id: string): JsonObject
  /** Whether a client, by its user agent, cannot put the pieces of a streamed call together: it is told each call at once, when it is whole. */
  wantsWholeCalls?(userAgent: string): boolean
  /** Bytes that keep an idle stream open, where the dialect's SDKs accept them: `: ping\n\n`. */
  keepAlive?: string | undefined
}

/** What a provider said went wrong, in one shape. */
export interface ProviderError {
  message: string
  /** How long to wait, where the body says it, in milliseconds. */
  retryAfterMs?: number | undefined
  type?: string | undefined
  code?: string | undefined
  param?: string | undefined
}

/** The provider's side of a format. All functions are pure. */
export interface Outbound {
  /** Throws GatewayError GW_UNSUPPORTED_PARAMETER for a `meaning` it cannot carry. */
  encodeRequest(request: ChatRequest, options: EncodeOptions): EncodedRequest
  /** Throws GatewayError GW_UPSTREAM_INVALID when the body is no answer of this format. */
  decodeResponse(body: JsonObject, carry?: Carry): ChatResponse
  /** `start(options: {carry})`. Refuses with GW_UPSTREAM_TRUNCATED when it ends before the terminator, GW_UPSTREAM_ERROR on an error event. */
  decodeStream: Fold<Frame, StreamPart>
  /** Reads an error body: parsed JSON where it is JSON, else its text. */
  decodeError(body: Json | undefined): ProviderError
  drops: readonly Drop[]
  /** Fits a body of this very format to a provider's quirks, without decoding it; returns what was left out. */
  adapt?(body: JsonObject, quirks: Quirks): { body: JsonObject; dropped: readonly string[] }
}

/** A change to a body's bytes: replace [start, end) by `text`. */
export interface Splice {
  start: number
  end: number
  text: string
}

/** What an event means to a passthrough stream. */
export type FrameMark = 'content' | 'finish' | 'usage' | 'terminal' | 'error' | 'other'

/** Whether strict clients can read an event as it is: it `opens` the answer (names the role), `fits`, or `breaks` and has to be translated. */
export type Strictness = 'opens' | 'fits' | 'breaks'

/** Reads and edits a body or an event without decoding all of it. Requests are read through the spans of one scan. */
export interface Lens {
  model(scan: Scan): string | undefined
  withModel(scan: Scan, model: string): Splice
  stream(scan: Scan): boolean
  maxOutputTokens(scan: Scan): number | undefined
  choices(scan: Scan): number | undefined
  messageCount(scan: Scan): number
  /** The texts of the conversation, oldest first: what a guardrail reads. */
  texts(scan: Scan): string[]
  /** Splices that take out top-level fields; none for a field that is not there. */
  without(scan: Scan, names: readonly string[]): Splice[]
  /** Splices that ask the provider for usage in the stream; none where the client did already. */
  withStreamUsage(scan: Scan): Splice[]
  /** Usage of a whole answer or of one event's data; undefined where it has none. */
  usage(data: string): Usage | undefined
  /** Usage of a whole answer whose body may not tell it, by the header lines that are passed on. */
  headerUsage?(headers: HeaderList): Usage | undefined
  /** What one event is. Cheap: looks for marks in the text, parses nothing on the common path. */
  mark(frame: Frame): FrameMark
  /** What opens the text of an event of plain text: `"content":"`. Events that differ in that text alone are not looked at. */
  plainText?: string | undefined
  /** What may stand before the closing brace of an event's data and means nothing, with that brace; sticky. */
  padding?: RegExp | undefined
  /**
   * How strict clients take an event of a stream that has opened or not; `wholeCalls`: such as take calls whole alone. As cheap as
   * `mark`. Absent: every event fits.
   */
  strictness?(frame: Frame, mark: FrameMark, stream: { isOpen: boolean; wholeCalls?: boolean | undefined }): Strictness
  /**
   * Whether strict clients can read a whole answer as it is; one that does not fit is translated. `text` has one character a
   * byte, `request` is the body that was asked. Cheap on what the vendor itself writes. Absent: every answer fits.
   */
  fitsWhole?(text: string, request?: Scan): boolean
}

/** A wire format: how clients ask in it, how providers answer in it, and how to read it without decoding. */
export interface Format {
  name: string
  /** `import.meta.url` of the module that exports this format as `format`, so that a pool thread can import it. */
  module: string
  framing: Framing
  /** Of an operation that has no streams: what the format says of them stands for nothing. */
  isWhole?: boolean | undefined
  /** Answers of this format that are a list are read as an object that has the list under this name. */
  listAs?: string | undefined
  /** How a stream is cut that comes with another content type than `streamType`, by its beginning: Gemini's JSON array. */
  otherFramings?: Readonly<Record<string, Framing>> | undefined
  /** Content type of the stream in this dialect. */
  streamType: string
  /** Header lines that streams of this dialect have besides. Lower-case names. */
  streamHeaders?: HeaderList | undefined
  /** What ends a stream in this dialect where a provider may leave it out: written for it when the answer was complete. */
  terminator?: string | undefined
  /** Request headers that the dialect defines itself: forwarded when the provider speaks it too (D7). Lower case. */
  headers?: readonly string[] | undefined
  /** Those of them that hold lists: values from several sources are joined and de-duplicated. */
  listHeaders?: readonly string[] | undefined
  /** Headers with lists of beta flags, of other dialects' clients, that this one says in the body instead. Lower case. */
  bodyHeaders?: readonly string[] | undefined
  /** Prefixes of answer headers that the dialect defines itself: passed on to the client. Lower case. */
  answerHeaders?: readonly string[] | undefined
  inbound?: Inbound | undefined
  outbound?: Outbound | undefined
  lens: Lens
}

/** Declares a format; checked against `Format`, returned as it is. */
export function defineFormat(format: Format): Format {
  return format
}
