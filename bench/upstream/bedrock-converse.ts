import { encodeAwsFrame } from '../../core/stream/framing-aws.ts'
import { type Block, type ContentStop, type ContentUsage, pieces } from './contents.ts'
import type { Dialect, EventKind, StreamEvent } from './dialect.ts'

const STOP_REASONS: Record<ContentStop, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tools: 'tool_use',
  refusal: 'content_filtered',
  filter: 'guardrail_intervened',
  sequence: 'stop_sequence',
}
const LATENCY = { latencyMs: 10 }

/** Bedrock's Converse as https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html describes it. */
export const bedrockConverse: Dialect = {
  name: 'bedrock-converse',

  whole({ blocks, stop, usage }) {
    const message = { role: 'assistant', content: blocks.flatMap(wholeBlock) }
    return JSON.stringify({ output: { message }, stopReason: STOP_REASONS[stop], ...counts(usage), metrics: LATENCY })
  },

  events({ blocks, stop, usage, pieceLength }) {
    const shown = blocks.filter((block) => wholeBlock(block).length > 0)
    return [
      frame('start', 'messageStart', { role: 'assistant' }),
      ...shown.flatMap((block, index) => blockEvents(block, index, pieceLength)),
      frame('finish', 'messageStop', { stopReason: STOP_REASONS[stop] }),
      frame('usage', 'metadata', { ...counts(usage), metrics: LATENCY }),
    ]
  },

  error: (_, message) => JSON.stringify({ message }),

  errorEvent(message) {
    const data = JSON.stringify({ message })
    return { kind: 'error', data, bytes: encodeAwsFrame({ event: 'serviceUnavailableException', data }, 'exception') }
  },

  cutEvent() {
    const data = '{"delta":{"te'
    return { kind: 'content', data, bytes: encodeAwsFrame({ event: 'contentBlockDelta', data }, 'event') }
  },

  idleEvent: () => frame('block', 'novelty', {}),

  models: (ids) => JSON.stringify({ modelSummaries: ids.map((modelId) => ({ modelId, outputModalities: ['TEXT'] })) }),
}

function frame(kind: EventKind, event: string, value: Record<string, unknown>): StreamEvent {
  const data = JSON.stringify(value)
  return { kind, name: event, data, bytes: encodeAwsFrame({ event, data }, 'event') }
}

/** Input is told without what came from or went into a cache. */
function counts(usage: ContentUsage | undefined): Record<string, unknown> {
  if (!usage) return {}
  const { input, output, cacheRead = 0, cacheWrite = 0 } = usage
  const cached = cacheRead + cacheWrite > 0 ? { cacheReadInputTokens: cacheRead, cacheWriteInputTokens: cacheWrite } : {}
  return { usage: { inputTokens: input - cacheRead - cacheWrite, outputTokens: output, totalTokens: input + output, ...cached } }
}

function wholeBlock(block: Block): Record<string, unknown>[] {
  if (block.type === 'text') return [{ text: block.text }]
  if (block.type === 'reasoning') return [{ reasoningContent: { reasoningText: { text: block.text, signature: block.signature } } }]
  if (block.type === 'redacted') return [{ reasoningContent: { redactedContent: block.data } }]
  if (block.type === 'tool') {
    return [{ toolUse: { toolUseId: block.id, name: block.name, input: JSON.parse(block.arguments || '{}') } }]
  }
  return []
}

/** Only tools announce their block. */
function blockEvents(block: Block, contentBlockIndex: number, length: number | undefined): StreamEvent[] {
  const opened =
    block.type === 'tool'
      ? [frame('block', 'contentBlockStart', { start: { toolUse: { toolUseId: block.id, name: block.name } }, contentBlockIndex })]
      : []
  const deltas = blockDeltas(block, length).map((delta) => frame('content', 'contentBlockDelta', { delta, contentBlockIndex }))
  return [...opened, ...deltas, frame('block', 'contentBlockStop', { contentBlockIndex })]
}

function blockDeltas(block: Block, length: number | undefined): Record<string, unknown>[] {
  if (block.type === 'tool') return pieces(block.arguments, 7).map((input) => ({ toolUse: { input } }))
  if (block.type === 'redacted') return [{ reasoningContent: { redactedContent: block.data } }]
  if (block.type === 'reasoning') {
    const thoughts = pieces(block.text, length).map((text) => ({ reasoningContent: { text } }))
    return [...thoughts, { reasoningContent: { signature: block.signature } }]
  }
  return block.type === 'text' ? pieces(block.text, length).map((text) => ({ text })) : []
}
