import type { ChatRequest, Effort, Reasoning, ResponseFormat } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { NAME, text } from './types.ts'

/** What clients of this API say among the fields of the model's own, in the words of canonical form. */
export interface Said {
  reasoning?: Reasoning | undefined
  topK?: number | undefined
  responseFormat?: ResponseFormat | undefined
}

/** Where each of them is said: paths into the body. */
const PLACES: Readonly<Record<keyof Said, readonly string[]>> = {
  reasoning: [
    ...['thinking', 'reasoning_config', 'reasoningConfig', 'reasoning_effort', 'output_config.effort'].map(inFields),
    'outputConfig.effort',
  ],
  topK: ['top_k', 'k', 'inferenceConfig.topK'].map(inFields),
  responseFormat: [inFields('output_config.format'), 'outputConfig.textFormat'],
}

function inFields(path: string): string {
  return `additionalModelRequestFields.${path}`
}

/** Reads `additionalModelRequestFields` and `outputConfig`. Nothing is refused: the model decides what its own fields are. */
export function readSaid(body: JsonObject): Said {
  const fields = objectOf(body.additionalModelRequestFields)
  const config = objectOf(body.outputConfig)
  return withoutUndefined<Said>({
    reasoning: readReasoning(fields, text(config.effort)),
    topK: [fields.top_k, fields.k, objectOf(fields.inferenceConfig).topK].find((value) => typeof value === 'number'),
    responseFormat: readTextFormat(config.textFormat) ?? readModelFormat(objectOf(fields.output_config).format),
  })
}

/**
 * A request without what its own corner says already: told twice, it might contradict itself. What was changed since the client
 * said it rules over the client's words, which are left out then.
 */
export function withoutSaid(request: ChatRequest): ChatRequest {
  const own = request.extra?.[NAME]
  if (!own) return request
  const said = readSaid(own)
  const told: ChatRequest = { ...request }
  let corner = own
  for (const name of Object.keys(said) as (keyof Said)[]) {
    if (told[name] === undefined) continue
    if (JSON.stringify(told[name]) === JSON.stringify(said[name])) delete told[name]
    else for (const path of PLACES[name]) corner = without(corner, path.split('.'))
  }
  return { ...told, extra: { ...request.extra, [NAME]: corner } }
}

/** A copy without one field; objects that it leaves empty go with it. */
function without(holder: JsonObject, [name, ...rest]: readonly string[]): JsonObject {
  const inner = holder[name as string]
  if (inner === undefined || (rest.length > 0 && !isObject(inner))) return holder
  const kept = rest.length > 0 ? without(inner as JsonObject, rest) : {}
  const { [name as string]: _, ...others } = holder
  return Object.keys(kept).length > 0 ? { ...others, [name as string]: kept } : others
}

const EFFORTS: ReadonlySet<string> = new Set<Effort>(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])

function effortOf(value: Json | undefined): Effort | undefined {
  return typeof value === 'string' && EFFORTS.has(value) ? (value as Effort) : undefined
}

/** Claude's `thinking` and effort, Nova's `reasoningConfig`, OpenAI's `reasoning_effort`, `reasoning_config` of the others. */
function readReasoning(fields: JsonObject, effort: string | undefined): Reasoning | undefined {
  const thinking = objectOf(fields.thinking ?? fields.reasoning_config)
  const nova = objectOf(fields.reasoningConfig)
  if (thinking.type === 'disabled' || nova.type === 'disabled') return { effort: 'none' }
  const said = effort ?? objectOf(fields.output_config).effort ?? fields.reasoning_effort ?? nova.maxReasoningEffort
  const reasoning = withoutUndefined<Reasoning>({
    effort: effortOf(said),
    budgetTokens: typeof thinking.budget_tokens === 'number' ? thinking.budget_tokens : undefined,
    adaptive: thinking.type === 'adaptive' ? true : undefined,
    display: text(thinking.display),
  })
  return Object.keys(reasoning).length > 0 ? reasoning : undefined
}

/** The name of a schema that the client gave none. */
const UNNAMED = 'response'

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputFormat.html: the schema is text. */
function readTextFormat(value: Json | undefined): ResponseFormat | undefined {
  const definition = objectOf(objectOf(objectOf(value).structure).jsonSchema)
  const written = text(definition.schema)
  // Most requests have none: an exception of the parser's, caught or not, costs 4 us.
  const schema = written === undefined ? undefined : parseObject(written)
  if (!schema) return undefined
  return withoutUndefined<ResponseFormat>({
    type: 'json-schema',
    name: text(definition.name) || UNNAMED,
    schema,
    description: text(definition.description),
  })
}

/** Claude's own way to say it. */
function readModelFormat(value: Json | undefined): ResponseFormat | undefined {
  const { type, schema } = objectOf(value)
  return type === 'json_schema' && isObject(schema) ? { type: 'json-schema', name: UNNAMED, schema } : undefined
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
