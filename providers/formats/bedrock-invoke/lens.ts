import type { ChatResponse } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { HeaderList } from '../../../core/edge.ts'
import type { Format, Frame, FrameMark, Lens } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withoutFields } from '../shared/body-edits.ts'
import { count, details } from '../shared/usage.ts'
import { METRICS, unwrap } from './chunks.ts'

/** The dialects that are told within chunks. */
export interface Dialects {
  claude: Format
  converse: Format
  openai: Format
}

/** Reads bodies and chunks of all families without decoding them. Model and streaming are said by the path, never by the body. */
export function invokeLens(dialects: Dialects): Lens {
  return {
    model: () => undefined,
    withModel: () => ({ start: 0, end: 0, text: '' }),
    stream: () => false,
    maxOutputTokens,
    choices: (scan) => numberIn(scan.value('n')),
    messageCount: (scan) => listOf(scan.value('messages')).length + listOf(scan.value('chat_history')).length + (hasPrompt(scan) ? 1 : 0),
    texts,
    without: withoutFields,
    // It is always told.
    withStreamUsage: () => [],
    usage: (data) => usageIn(dialects, data),
    headerUsage,
    mark: (frame) => mark(dialects, frame),
  }
}

/** The fields that are a text of the client's. */
const TEXTS = ['preamble', 'prompt', 'inputText', 'message']

function hasPrompt(scan: Scan): boolean {
  return TEXTS.some((name) => name !== 'preamble' && scan.spans.has(name))
}

/** Where each family has its limit. */
function maxOutputTokens(scan: Scan): number | undefined {
  const flat = ['max_completion_tokens', 'max_tokens', 'max_gen_len'].map((name) => numberIn(scan.value(name)))
  const nova = details(scan.value('inferenceConfig'))
  const titan = details(scan.value('textGenerationConfig'))
  return [...flat, ...[nova?.maxTokens, nova?.max_new_tokens, titan?.maxTokenCount].map(numberIn)].find((value) => value !== undefined)
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** Every text wherever a family may have it: a guardrail reads more rather than less. */
function texts(scan: Scan): string[] {
  const found: string[] = []
  for (const name of ['system', 'chat_history', 'messages', 'documents', 'tool_results', ...TEXTS]) {
    if (scan.spans.has(name)) addTexts(found, scan.value(name))
  }
  return found
}

/** Names of what holds texts, whatever stands around it. */
const HOLDERS = ['text', 'content', 'message', 'snippet', 'title', 'toolResult', 'guardContent', 'outputs', 'json']

function addTexts(found: string[], value: unknown): void {
  if (typeof value === 'string') found.push(value)
  else if (Array.isArray(value)) for (const each of value) addTexts(found, each)
  else if (isObject(value)) for (const name of HOLDERS) if (value[name] !== undefined) addTexts(found, value[name])
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Usage of a whole answer, or of the chunk that brings the metrics. */
function usageIn({ claude, converse, openai }: Dialects, data: string): Usage | undefined {
  if (data.startsWith('{"bytes"')) {
    const inner = unwrap({ data })
    return inner?.includes(METRICS) ? metricsOf(parseObject(inner)?.[METRICS]) : undefined
  }
  if (data.includes('"input_tokens"') && data.includes('"stop_sequence"')) return claude.lens.usage(data)
  if (data.includes('"inputTokens"')) return converse.lens.usage(data)
  if (data.includes('"prompt_tokens"')) return openai.lens.usage(data)
  return /"(?:prompt_token_count|inputTextTokenCount|billed_units)"/.test(data) ? countsOf(parseObject(data)) : undefined
}

function metricsOf(value: unknown): Usage | undefined {
  const metrics = details(value)
  const inputTokens = metrics && counted(metrics.inputTokenCount)
  if (!metrics || inputTokens === undefined) return undefined
  const cacheReadTokens = counted(metrics.cacheReadInputTokenCount)
  const cacheWriteTokens = counted(metrics.cacheWriteInputTokenCount)
  return withoutUndefined<Usage>({
    inputTokens: inputTokens + (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0),
    outputTokens: counted(metrics.outputTokenCount) ?? 0,
    cacheReadTokens,
    cacheWriteTokens,
  })
}

/** Names of the header lines that count tokens: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-invoke.html */
const INPUT = 'x-amzn-bedrock-input-token-count'
const OUTPUT = 'x-amzn-bedrock-output-token-count'
const CACHE_READ = 'x-amzn-bedrock-cache-read-input-token-count'
const CACHE_WRITE = 'x-amzn-bedrock-cache-write-input-token-count'

/** Whole answers have the metrics in their head; those of some families have them nowhere else. */
function headerUsage(headers: HeaderList): Usage | undefined {
  const lines = new Map(headers)
  return metricsOf({
    inputTokenCount: lines.get(INPUT),
    outputTokenCount: lines.get(OUTPUT),
    cacheReadInputTokenCount: lines.get(CACHE_READ),
    cacheWriteInputTokenCount: lines.get(CACHE_WRITE),
  })
}

/** The same for a translated answer. */
export function answerHeaders({ usage }: ChatResponse): HeaderList {
  if (!usage) return []
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage
  const lines: [string, number | undefined][] = [
    [INPUT, Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens)],
    [OUTPUT, outputTokens],
    [CACHE_READ, usage.cacheReadTokens],
    [CACHE_WRITE, usage.cacheWriteTokens],
  ]
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]))
}

/** Some models' counts are texts. */
function counted(value: unknown): number | undefined {
  return count(typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value)
}

/** What Llama, Titan and Cohere tell beside their answers. */
function countsOf(body: JsonObject | undefined): Usage | undefined {
  if (!body) return undefined
  const billed = details(details(body.meta)?.billed_units)
  const results = listOf(body.results).filter(isObject)
  const inputTokens = count(body.prompt_token_count) ?? count(body.inputTextTokenCount) ?? count(billed?.input_tokens)
  const told = count(body.generation_token_count) ?? count(billed?.output_tokens)
  const outputTokens = told ?? results.reduce((sum, { tokenCount }) => sum + (count(tokenCount) ?? 0), 0)
  return inputTokens === undefined ? undefined : { inputTokens, outputTokens }
}

/** The fields by which families tell that an answer ended. */
const STOPS = ['stop_reason', 'completionReason', 'finish_reason']

function mark({ claude, converse }: Dialects, frame: Frame): FrameMark {
  if (frame.event !== 'chunk') return frame.event?.endsWith('Exception') ? 'error' : 'other'
  const inner = unwrap(frame)
  const event = inner === undefined ? undefined : parseObject(inner)
  if (inner === undefined || !event) return 'other'
  if (typeof event.type === 'string' && event.type !== 'completion') return claude.lens.mark({ event: event.type, data: inner })
  const [name = ''] = Object.keys(event)
  const known = isObject(event[name]) ? converse.lens.mark({ event: name, data: inner }) : 'other'
  if (known !== 'other') return known
  const entries = [event, ...listOf(event.choices), ...listOf(event.outputs)].filter(isObject)
  if (entries.some((entry) => STOPS.some((stop) => typeof entry[stop] === 'string'))) return 'finish'
  return entries.some(saysSomething) ? 'content' : 'other'
}

function saysSomething({ text, generation, outputText, completion, tool_calls: calls, delta, message }: JsonObject): boolean {
  if ([text, generation, outputText, completion].some((said) => typeof said === 'string' && said !== '')) return true
  if (Array.isArray(calls) && calls.length > 0) return true
  const said = isObject(delta) ? delta : isObject(message) ? message : {}
  return Object.entries(said).some(([name, value]) => name !== 'role' && value !== null && value !== '')
}
