import type { JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import { type DecodedRequest, defineFormat, type Format, type Inbound, type NamedByPath, type Outbound } from '../../../core/format.ts'
import { badAnswer } from '../shared/answers.ts'
import { encodeError, encodeErrorFrame, errorHeaders } from '../shared/aws-exceptions.ts'
import { bad } from '../shared/fields.ts'
import { familyOfBody, familyOfModel, type InvokeFamily, SHAPES } from '../shared/invoke-families.ts'
import { wrapStream } from './chunks.ts'
import { cohere } from './cohere.ts'
import { type Family, NAME } from './family.ts'
import { answerHeaders, type Dialects, invokeLens } from './lens.ts'
import { claudeFamily, mistralChatFamily, novaFamily, openaiFamily } from './messages.ts'
import { readPath } from './path.ts'
import { claudePrompt, deepseek, llama, mistral, titan } from './prompts.ts'

type Families = Readonly<Record<InvokeFamily, Family>>

/**
 * InvokeModel and InvokeModelWithResponseStream, whose bodies are those of the models' makers behind Amazon's paths, errors and events:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html. `dialects`: those that some
 * families speak, each with a client's side. Bedrock itself is sent bodies of it as they came, or else asked by Converse.
 */
export function invokeFormat(dialects: Dialects, module: string): Format {
  const { claude, converse, openai } = dialects
  const families: Families = {
    ...{ titan, llama, mistral, deepseek, cohere },
    'claude-prompt': claudePrompt,
    claude: claudeFamily(clientSide(claude)),
    nova: novaFamily(clientSide(converse)),
    'mistral-chat': mistralChatFamily(clientSide(openai)),
    openai: openaiFamily(clientSide(openai)),
  }
  const family = (name: unknown): InvokeFamily =>
    (typeof name === 'string' && Object.hasOwn(families, name) ? name : 'claude') as InvokeFamily
  const folds = Object.fromEntries(Object.entries(families).map(([name, { encodeStream }]) => [name, encodeStream]))
  return defineFormat({
    name: NAME,
    module,
    framing: 'aws-event-stream',
    streamType: 'application/vnd.amazon.eventstream',
    streamHeaders: [['x-amzn-bedrock-content-type', 'application/json']],
    headers: REQUEST_HEADERS,
    answerHeaders: ['x-amzn-bedrock-'],
    inbound: {
      readPath,
      check: ({ spans }) => void (SHAPES.some((name) => spans.has(name)) || shapeless()),
      decodeRequest: (body, named) => decodeRequest(families, body, named),
      encodeResponse: (response, options) => families[family(options.carry?.family)].encodeResponse(response, options),
      encodeStream: wrapStream(({ carry }) => family(carry?.family), folds as Record<InvokeFamily, Family['encodeStream']>),
      answerHeaders,
      encodeError,
      encodeErrorFrame,
      errorHeaders,
    },
    outbound: providerSide(converse),
    lens: invokeLens(dialects),
  })
}

/** What a request says beside its body, the flags of Claude's clients among it: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html#API_runtime_InvokeModel_RequestSyntax */
const REQUEST_HEADERS = [
  'anthropic-beta',
  'x-amzn-bedrock-trace',
  'x-amzn-bedrock-guardrailidentifier',
  'x-amzn-bedrock-guardrailversion',
  'x-amzn-bedrock-performanceconfig-latency',
  'x-amzn-bedrock-service-tier',
]

function clientSide({ name, inbound }: Format): Inbound {
  if (!inbound) throw new Error(`format ${name} has no client side`)
  return inbound
}

/** A body that is nobody's. */
function shapeless(): never {
  const makers =
    'Claude (messages), Nova (messages), Titan Text (inputText), Llama, Mistral and DeepSeek (prompt), Command R (message), and models that take messages as OpenAI writes them'
  bad(SHAPES[0] as string, `is required, or another of ${SHAPES.slice(1).join(', ')}: InvokeModel serves the chats of ${makers}`)
}

function decodeRequest(families: Families, body: JsonObject, named: NamedByPath | undefined): DecodedRequest {
  if (!named?.model) throw new GatewayError('GW_MODEL_REQUIRED')
  const read = (name: string): unknown => body[name]
  const name = familyOfModel(named.model, read) ?? familyOfBody(read) ?? shapeless()
  const decoded = families[name].decodeRequest(body, { model: named.model, stream: named.stream ?? false })
  return { ...decoded, carry: { ...decoded.carry, family: name } }
}

/** Bedrock's own answers pass as they came; those of another form than was asked for are none. */
function providerSide({ name, outbound }: Format): Outbound {
  if (!outbound) throw new Error(`format ${name} has no provider side`)
  const refuse = () => badAnswer('it has not the form that was asked for')
  return {
    encodeRequest: () => {
      throw new GatewayError('GW_INTERNAL', { reason: 'bodies of InvokeModel pass as they came' })
    },
    decodeResponse: refuse,
    decodeStream: { start: () => ({}), step: refuse, end: (_state, _out, error) => (error ? undefined : refuse()) },
    decodeError: outbound.decodeError,
    drops: [],
  }
}
