import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { type Json, type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DecodedRequest, NamedByPath } from '../../../core/format.ts'
import { bad, filled, integer, number, object, optional, type Read, required, string, strings, unknownFields } from '../shared/fields.ts'
import { decodeMessages, decodeSystem } from './decode-messages.ts'
import { decodeToolConfig } from './decode-tools.ts'
import { readSaid } from './said.ts'
import { NAME } from './types.ts'

/** Fields with a place of their own in canonical form. `modelId` is said by the path, `fallbacks` is the gateway's own. */
const KNOWN: ReadonlySet<string> = new Set(['messages', 'system', 'inferenceConfig', 'toolConfig', 'serviceTier', 'modelId', 'fallbacks'])

/** Fields that only this API has, and what they must be: kept as they came. */
const KEPT = Object.entries<Read<unknown>>({
  additionalModelRequestFields: object,
  additionalModelResponseFieldPaths: strings,
  guardrailConfig: object,
  outputConfig: decodeOutputConfig,
  performanceConfig: object,
  promptVariables: object,
  requestMetadata: object,
})

/**
 * The body of Converse and ConverseStream, which name model and streaming in the path:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. Throws GW_INVALID_REQUEST with the field's path.
 */
export function decodeRequest(body: JsonObject, named?: NamedByPath): DecodedRequest {
  if (!named?.model) throw new GatewayError('GW_MODEL_REQUIRED')
  for (const [field, read] of KEPT) optional(body[field], field, read)
  const tier = optional(body.serviceTier, 'serviceTier', object)
  const config = decodeConfig(body.inferenceConfig)
  const extra = { ...unknownFields(body, KNOWN), ...config.extra }
  const request: ChatRequest = {
    model: named.model,
    messages: [...decodeSystem(body.system), ...decodeConversation(body.messages, named.model)],
    stream: named.stream ?? false,
    ...config.said,
    ...optional(body.toolConfig, 'toolConfig', decodeToolConfig),
    ...readSaid(body),
    serviceTier: tier && required(tier.type, 'serviceTier.type', filled),
    extra: Object.keys(extra).length > 0 ? { [NAME]: extra } : undefined,
  }
  return { request: withoutUndefined(request) }
}

/** A stored prompt brings its own messages: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-management-test.html */
function decodeConversation(messages: Json | undefined, model: string): ChatRequest['messages'] {
  return messages === undefined && /:prompt\//.test(model) ? [] : decodeMessages(messages)
}

const CONFIG_FIELDS = new Set(['maxTokens', 'temperature', 'topP', 'stopSequences'])

/** `inferenceConfig`; fields that are new to it stay in its place. */
function decodeConfig(value: Json | undefined): { said: Partial<Omit<ChatRequest, 'stream'>>; extra: JsonObject } {
  const config = optional(value, 'inferenceConfig', object) ?? {}
  const rest = unknownFields(config, CONFIG_FIELDS)
  return {
    said: {
      maxOutputTokens: optional(config.maxTokens, 'inferenceConfig.maxTokens', integer(1)),
      temperature: optional(config.temperature, 'inferenceConfig.temperature', number),
      topP: optional(config.topP, 'inferenceConfig.topP', number),
      stop: optional(config.stopSequences, 'inferenceConfig.stopSequences', strings),
    },
    extra: rest ? { inferenceConfig: rest } : {},
  }
}

/** The schema must be JSON: it is text here, and an object for everybody else. */
function decodeOutputConfig(value: Json, param: string): void {
  const format = optional(object(value, param).textFormat, `${param}.textFormat`, object)
  const structure = format && optional(format.structure, `${param}.textFormat.structure`, object)
  const at = `${param}.textFormat.structure.jsonSchema`
  const definition = structure && optional(structure.jsonSchema, at, object)
  if (!definition) return
  const schema = required(definition.schema, `${at}.schema`, string)
  if (readSaid({ outputConfig: value }).responseFormat === undefined) bad(`${at}.schema`, `is no JSON object: ${schema.slice(0, 60)}`)
}
