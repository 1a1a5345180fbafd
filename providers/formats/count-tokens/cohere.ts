import type { Part } from '../../../core/canonical/chat.ts'
import type { CountRequest, CountResponse } from '../../../core/canonical/count.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest, EncodedRequest, EncodeOptions, Format } from '../../../core/format.ts'
import { answerNumber, badAnswer } from '../shared/answers.ts'
import { filled, optional, required, string } from '../shared/fields.ts'
import { type Losses, lossesOf } from '../shared/losses.ts'
import { countFormat } from './shared.ts'

const NAME = 'cohere-tokenize'

/** Cohere has no count: it cuts a text into its tokens. https://docs.cohere.com/reference/tokenize */
export function cohereTokenize(dialect: Format, module: string): Format {
  return countFormat({
    name: NAME,
    module,
    dialect,
    check: (scan) => void required(scan.value('text') as never, 'text', filled),
    decodeRequest,
    encodeResponse,
    encodeRequest,
    decodeResponse,
    lens: { texts: (scan) => [scan.value('text')].filter((text): text is string => typeof text === 'string') },
  })
}

/** The tokens themselves are asked for, which no other provider tells. */
function decodeRequest(body: JsonObject): DecodedRequest {
  const text = required(body.text, 'text', filled)
  const model = optional(body.model, 'model', string) ?? ''
  return { request: { model, messages: [{ role: 'user', parts: [{ type: 'text', text }] }], stream: false }, ownOnly: ['tokens'] }
}

/** What is said in a chat, one text after the other: what its frame and its tools cost is not counted. */
function encodeRequest(request: CountRequest, options: EncodeOptions): EncodedRequest {
  const losses = lossesOf(options)
  losses.hint('tools', (request.tools?.length ?? 0) > 0)
  const texts = request.messages.flatMap(({ parts }, index) =>
    parts.map((part, at) => textOf(part, `messages[${index}].content[${at}]`, losses)),
  )
  const dropped = losses.names()
  return { body: { text: texts.join('\n'), model: request.model }, ...(dropped && { dropped }) }
}

function textOf(part: Part, param: string, losses: Losses): string {
  if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning') return part.text
  if (part.type === 'tool-call') return `${part.name} ${part.arguments}`
  if (part.type === 'tool-result') return part.parts.map((each) => textOf(each, param, losses)).join('\n')
  losses.meaning(param, true)
  return ''
}

function decodeResponse(body: JsonObject): CountResponse {
  const { tokens } = body
  if (!Array.isArray(tokens)) return badAnswer('"tokens" is no list')
  for (const token of tokens) answerNumber(token, 'tokens')
  return { kind: 'count_tokens', model: '', inputTokens: tokens.length, extra: { [NAME]: body } }
}

function encodeResponse({ extra }: CountResponse): JsonObject {
  return extra?.[NAME] ?? refuse()
}

function refuse(): never {
  throw new GatewayError('GW_UNSUPPORTED_OPERATION', { operation: 'tokenize', provider: 'another' })
}
