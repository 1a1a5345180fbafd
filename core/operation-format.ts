import type { JsonObject } from './canonical/json.ts'
import type { AnyRequest, AnyResponse } from './canonical/operations.ts'
import { GatewayError } from './errors.ts'
import type { Fold } from './fold.ts'
import type {
  Carry,
  DecodedRequest,
  EncodedRequest,
  EncodeOptions,
  Format,
  Frame,
  Inbound,
  Lens,
  NamedByPath,
  Outbound,
  ReplyOptions,
} from './format.ts'

/** A client's request of an operation in canonical form. */
export type Decoded<Request> = Omit<DecodedRequest, 'request'> & { request: Request }

/** The client's side of an operation that has no streams. Pure, as all of a format. */
export interface OperationInbound<Request extends AnyRequest, Response extends AnyResponse> {
  /** Throws GW_INVALID_REQUEST with the field's path. */
  decodeRequest(body: JsonObject, named?: NamedByPath): Decoded<Request>
  encodeResponse(response: Response, options: ReplyOptions): JsonObject
  check?: Inbound['check']
}

/** The provider's side of an operation that has no streams. Pure, as all of a format. */
export interface OperationOutbound<Request extends AnyRequest, Response extends AnyResponse> {
  /** Throws GW_UNSUPPORTED_PARAMETER for what changes the meaning and cannot be carried. */
  encodeRequest(request: Request, options: EncodeOptions): EncodedRequest
  /** Throws GW_UPSTREAM_INVALID when the body is no answer of this format. */
  decodeResponse(body: JsonObject, carry?: Carry): Response
}

/** A dialect's way to ask for one operation and to answer it. */
export interface OperationFormat<Request extends AnyRequest, Response extends AnyResponse> {
  name: string
  module: string
  /** The vendor's chat: its errors and headers are those of the operation. */
  dialect: Format
  listAs?: string | undefined
  inbound?: OperationInbound<Request, Response> | undefined
  outbound?: OperationOutbound<Request, Response> | undefined
  lens: Pick<Lens, 'model' | 'withModel' | 'texts' | 'without' | 'usage' | 'fitsWhole'>
}

/**
 * A format of an operation that has no streams, for the one pipeline. The pipeline hands requests and answers from one side to the
 * other and never looks inside, which is why the types it names (chat's) do not matter here.
 */
export function defineOperationFormat<Request extends AnyRequest, Response extends AnyResponse>(
  format: OperationFormat<Request, Response>,
): Format {
  const { name, module, dialect, listAs, inbound, outbound, lens } = format
  const { framing, streamType, headers, listHeaders, answerHeaders } = dialect
  return {
    ...{ name, module, isWhole: true, listAs, framing, streamType, headers, listHeaders, answerHeaders },
    inbound: inbound && ({ ...clientSide(name, dialect), ...inbound } as unknown as Inbound),
    outbound: outbound && ({ ...providerSide(name, dialect), ...outbound } as unknown as Outbound),
    lens: { ...NO_STREAM, ...lens },
  }
}

function clientSide(name: string, { inbound }: Format): Omit<Inbound, 'decodeRequest' | 'encodeResponse'> {
  if (!inbound) throw new Error(`format ${name} needs a dialect with a client's side`)
  const { encodeError, encodeErrorFrame, errorHeaders } = inbound
  return { encodeError, encodeErrorFrame, ...(errorHeaders && { errorHeaders }), encodeStream: refusing() }
}

function providerSide(name: string, { outbound }: Format): Pick<Outbound, 'decodeError' | 'decodeStream' | 'drops'> {
  if (!outbound) throw new Error(`format ${name} needs a dialect with a provider's side`)
  return { decodeError: outbound.decodeError, decodeStream: refusing(), drops: [] }
}

/** What was asked for has no stream: one is no answer. */
function refusing<In, Out>(): Fold<In, Out> {
  return {
    start: () => ({}),
    step: (_state, _input, out) => out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the answer is a stream' })),
    end: (_state, out, error) => {
      if (!error) out.refuse(new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the answer is a stream' }))
    },
  }
}

const NO_STREAM: Omit<Lens, 'model' | 'withModel' | 'texts' | 'without' | 'usage'> = {
  stream: () => false,
  maxOutputTokens: () => undefined,
  choices: () => undefined,
  messageCount: () => 0,
  withStreamUsage: () => [],
  mark: (frame: Frame) => (frame.event === 'error' ? 'error' : 'other'),
}
