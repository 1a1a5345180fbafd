import { encodeAwsFrame } from '../../core/stream/framing-aws.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { bedrockConverse } from './bedrock-converse.ts'
import { type Content, pieces } from './contents.ts'
import type { AnswerOptions, Dialect, StreamEvent } from './dialect.ts'
import { openaiChat } from './openai-chat.ts'

type Body = NonNullable<AnswerOptions['body']>

/** How the makers of a family of models write answers. */
interface Maker {
  whole(content: Content, options: AnswerOptions): string
  events(content: Content, options: AnswerOptions): Omit<StreamEvent, 'bytes'>[]
}

/** InvokeModel of chats, whose answers have the form of the body that asked. */
export const bedrockInvoke: Dialect = {
  ...bedrockConverse,
  name: 'bedrock-invoke',
  whole: (content, options) => makerOf(options.body ?? {}).whole(content, options),
  events(content, options) {
    const events = makerOf(options.body ?? {})
      .events(content, options)
      .filter(({ data }) => data !== '[DONE]')
    return events.map((event, index) => chunk(index === events.length - 1 ? { ...event, data: measured(event.data, content) } : event))
  },
  headers: ({ usage }) => [
    ['x-amzn-bedrock-input-token-count', String(usage?.input)],
    ['x-amzn-bedrock-output-token-count', String(usage?.output)],
  ],
  cutEvent: () => chunk({ kind: 'content', data: '{"generation":"te' }),
}

/** Why Bedrock would refuse a body: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html */
export function invokeProblem(body: Body): string | undefined {
  if (body.prompt !== undefined || body.inputText !== undefined || body.message !== undefined) return undefined
  if (!Array.isArray(body.messages)) return 'Malformed input request: #: required key [messages] not found'
  if (body.max_tokens !== undefined && body.anthropic_version === undefined && body.system !== undefined)
    return 'anthropic_version: Field required'
  return undefined
}

function chunk(event: Omit<StreamEvent, 'bytes'>): StreamEvent {
  const data = `{"bytes":"${Buffer.from(event.data).toString('base64')}"}`
  return { kind: event.kind, name: 'chunk', data, bytes: encodeAwsFrame({ event: 'chunk', data }, 'event') }
}

function measured(data: string, { usage }: Content): string {
  const metrics = { inputTokenCount: usage?.input, outputTokenCount: usage?.output, invocationLatency: 10, firstByteLatency: 1 }
  return JSON.stringify({ ...(JSON.parse(data) as object), 'amazon-bedrock-invocationMetrics': metrics })
}

function makerOf(body: Body): Maker {
  if (body.anthropic_version !== undefined) return anthropicMessages
  if (body.inputText !== undefined) return titan
  if (body.message !== undefined) return cohere
  if (String(body.prompt).includes('<｜')) return deepseek
  if (body.prompt !== undefined) return body.max_gen_len === undefined ? mistral : llama
  return body.inferenceConfig === undefined ? openaiChat : nova
}

function textIn({ blocks }: Content): string {
  return blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

const nova: Maker = {
  whole: bedrockConverse.whole,
  events: (content, options) =>
    bedrockConverse.events(content, options).map(({ kind, name, data }) => ({ kind, data: `{"${name}":${data}}` })),
}

/** A maker whose answers are a text, by how a piece and an end look. */
function textMaker(write: (said: { text: string; stop: string | null; usage: Content['usage'] }, isWhole: boolean) => unknown): Maker {
  return {
    whole: (content) =>
      JSON.stringify(write({ text: textIn(content), stop: content.stop === 'length' ? 'length' : 'stop', usage: content.usage }, true)),
    events(content) {
      const piece = (kind: StreamEvent['kind'], text: string, stop: string | null): Omit<StreamEvent, 'bytes'> => ({
        kind,
        data: JSON.stringify(write({ text, stop, usage: stop === null ? undefined : content.usage }, false)),
      })
      const stop = content.stop === 'length' ? 'length' : 'stop'
      return [...pieces(textIn(content)).map((text) => piece('content', text, null)), piece('finish', '', stop)]
    },
  }
}

const llama = textMaker(({ text, stop, usage }) => ({
  generation: text,
  prompt_token_count: usage?.input ?? null,
  generation_token_count: usage?.output ?? null,
  stop_reason: stop,
}))
const mistral = textMaker(({ text, stop }) => ({ outputs: [{ text, stop_reason: stop }] }))
const deepseek = textMaker(({ text, stop }) => ({ choices: [{ text, stop_reason: stop }] }))
const TITAN_STOPS: Readonly<Record<string, string>> = { stop: 'FINISHED', length: 'LENGTH' }
const titan = textMaker(({ text, stop, usage }, isWhole) => {
  const reason = stop === null ? null : TITAN_STOPS[stop]
  if (isWhole)
    return { inputTextTokenCount: usage?.input, results: [{ tokenCount: usage?.output, outputText: text, completionReason: reason }] }
  return {
    outputText: text,
    index: 0,
    totalOutputTextTokenCount: usage?.output ?? null,
    completionReason: reason,
    inputTextTokenCount: usage?.input ?? null,
  }
})
const cohere = textMaker(({ text, stop, usage }, isWhole) => {
  const reason = stop === 'length' ? 'MAX_TOKENS' : 'COMPLETE'
  const meta = { billed_units: { input_tokens: usage?.input, output_tokens: usage?.output } }
  if (isWhole) return { response_id: 'fake-1', text, generation_id: 'fake-1', finish_reason: reason, meta }
  if (stop === null) return { is_finished: false, event_type: 'text-generation', text }
  return { is_finished: true, event_type: 'stream-end', finish_reason: reason }
})
