import type { CountRequest, CountResponse } from '../../../core/canonical/count.ts'
import type { Json, JsonObject } from '../../../core/canonical/json.ts'
import type { Carry, DecodedRequest, EncodedRequest, EncodeOptions, Format, Lens, NamedByPath, ReplyOptions } from '../../../core/format.ts'
import { defineOperationFormat } from '../../../core/operation-format.ts'
import { type Scan, scan } from '../../../core/scan.ts'
import { badAnswer } from '../shared/answers.ts'
import { count } from '../shared/usage.ts'

/** A dialect's way to count the tokens of what would be a chat in it. */
export interface CountFormat {
  name: string
  module: string
  /** The vendor's chat, which reads and writes what is counted. */
  dialect: Format
  decodeRequest?: (body: JsonObject, named?: NamedByPath) => DecodedRequest
  encodeResponse?: (response: CountResponse, options: ReplyOptions) => JsonObject
  check?: (scan: Scan) => void
  encodeRequest(request: CountRequest, options: EncodeOptions): EncodedRequest
  decodeResponse(body: JsonObject, carry?: Carry): CountResponse
  /** Where it differs from the chat's. */
  lens?: Partial<Pick<Lens, 'model' | 'withModel' | 'texts'>>
}

/** A format that counts; nothing is generated, so that there is no usage. */
export function countFormat({ name, module, dialect, encodeRequest, decodeResponse, ...rest }: CountFormat): Format {
  const { model, withModel, texts, without } = dialect.lens
  const { decodeRequest, encodeResponse, check } = rest
  return defineOperationFormat<CountRequest, CountResponse>({
    name,
    module,
    dialect,
    inbound: decodeRequest && encodeResponse && { decodeRequest, encodeResponse, ...(check && { check }) },
    outbound: { encodeRequest, decodeResponse },
    lens: { model, withModel, texts, without, usage: () => undefined, ...rest.lens },
  })
}

/** The client's side of a chat. Formats that count are made of chats that have both sides. */
export function clientSide({ name, inbound }: Format): NonNullable<Format['inbound']> {
  if (!inbound) throw new Error(`format ${name} has no client's side`)
  return inbound
}

/** The provider's side of a chat. */
export function providerSide({ name, outbound }: Format): NonNullable<Format['outbound']> {
  if (!outbound) throw new Error(`format ${name} has no provider's side`)
  return outbound
}

/** An encoded chat with another body: what a count needs of it. */
export function reshaped(encoded: EncodedRequest, reshape: (body: JsonObject) => JsonObject): EncodedRequest {
  const { headers, dropped } = encoded
  return { body: reshape(encoded.body), ...(headers && { headers }), ...(dropped && { dropped }) }
}

/** Those fields of a body that are named and there. */
export function picked(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]))
}

/** A count in canonical form. Throws GW_UPSTREAM_INVALID for what is none. */
export function counted(value: Json | undefined, name: string, cached?: Json): CountResponse {
  const inputTokens = count(value) ?? badAnswer(`"${name}" is no count`)
  const cachedTokens = count(cached)
  return { kind: 'count_tokens', model: '', inputTokens, ...(cachedTokens !== undefined && { cachedTokens }) }
}

/** An object within a body as a body of its own, for a lens of the chat. */
export function scanOf(value: JsonObject): Scan {
  return scan(Buffer.from(JSON.stringify(value)))
}
