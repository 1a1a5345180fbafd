import { isObject, type Json, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import type { DecodedRequest, Format, NamedByPath } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { bad, base64, object, optional, required } from '../shared/fields.ts'
import { clientSide, counted, countFormat, picked, providerSide, reshaped, scanOf } from './shared.ts'

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html */
const FIELDS = ['messages', 'system', 'toolConfig', 'additionalModelRequestFields']

/** The chats that Bedrock's count is made of. */
export interface BedrockChats {
  converse: Format
  /** InvokeModel, whose bodies may stand there in base64. */
  invoke: Format
}

/** CountTokens of Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html */
export function bedrockCount({ converse, invoke }: BedrockChats, module: string): Format {
  const { encodeRequest } = providerSide(converse)
  return countFormat({
    name: 'bedrock-count-tokens',
    module,
    dialect: converse,
    check: (scan) => void inputIn({ input: scan.value('input') as Json }),
    decodeRequest: (body, named) => decodeRequest({ converse, invoke }, body, named),
    encodeResponse: ({ inputTokens }) => ({ inputTokens }),
    encodeRequest: (request, options) =>
      reshaped(encodeRequest(request, options), (body) => ({ input: { converse: picked(body, FIELDS) } })),
    decodeResponse: (body) => counted(body.inputTokens, 'inputTokens'),
    lens: { texts: (scan) => textsIn({ converse, invoke }, scan) },
  })
}

type Input = { kind: 'converse' | 'invoke'; body: JsonObject }

function inputIn(body: JsonObject): Input {
  const input = required(body.input, 'input', object)
  const converse = optional(input.converse, 'input.converse', object)
  if (converse) return { kind: 'converse', body: converse }
  const invoked = optional(input.invokeModel, 'input.invokeModel', object)
  if (!invoked) return bad('input', 'must have converse or invokeModel')
  const written = required(invoked.body, 'input.invokeModel.body', base64)
  const read = parseObject(Buffer.from(written, 'base64').toString())
  return { kind: 'invoke', body: read ?? bad('input.invokeModel.body', 'is no JSON object in base64') }
}

function decodeRequest(chats: BedrockChats, body: JsonObject, named: NamedByPath | undefined): DecodedRequest {
  const { kind, body: inner } = inputIn(body)
  // The chat in it has a limit of its own.
  if (kind === 'invoke') return clientSide(chats.invoke).decodeRequest({ max_tokens: 1, ...inner }, named)
  return clientSide(chats.converse).decodeRequest(inner, named)
}

function textsIn(chats: BedrockChats, scan: Scan): string[] {
  const input = scan.value('input')
  if (!isObject(input)) return []
  const { kind, body } = inputIn({ input })
  return chats[kind].lens.texts(scanOf(body))
}
