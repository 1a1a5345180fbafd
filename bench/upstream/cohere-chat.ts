import { type Block, type ContentStop, type ContentUsage, pieces } from './contents.ts'
import type { Dialect, EventKind, StreamEvent } from './dialect.ts'

const FINISH_REASONS: Record<ContentStop, string> = {
  stop: 'COMPLETE',
  length: 'MAX_TOKENS',
  tools: 'TOOL_CALL',
  refusal: 'COMPLETE',
  filter: 'COMPLETE',
  sequence: 'STOP_SEQUENCE',
}

/** Cohere's second chat API as https://docs.cohere.com/reference/chat and .../chat-stream describe it. */
export const cohereChat: Dialect = {
  name: 'cohere-chat',

  whole({ blocks, stop, usage }) {
    const calls = blocks.flatMap((block) => (block.type === 'tool' ? [toolCall(block)] : []))
    const content = blocks.flatMap(contentOf)
    const message = { role: 'assistant', ...(content.length > 0 && { content }), ...(calls.length > 0 && { tool_calls: calls }) }
    return JSON.stringify({ id: 'fake-1', finish_reason: FINISH_REASONS[stop], message, ...counts(usage) })
  },

  events({ blocks, stop, usage, pieceLength }) {
    let index = 0
    const shown = blocks.filter((block) => block.type === 'tool' || contentOf(block).length > 0)
    return [
      event('start', 'message-start', {
        id: 'fake-1',
        delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
      }),
      ...shown.flatMap((block) => blockEvents(block, index++, pieceLength)),
      event('finish', 'message-end', { delta: { finish_reason: FINISH_REASONS[stop], ...counts(usage) } }),
    ]
  },

  error: (_, message) => JSON.stringify({ id: 'fake-1', message }),

  errorEvent: (message) => event('error', 'message-end', { delta: { finish_reason: 'ERROR', error: message } }),

  cutEvent: () => ({ kind: 'content', name: 'content-delta', data: '{"type":"content-delta","del' }),

  models: (ids) => JSON.stringify({ models: ids.map((name) => ({ name, endpoints: ['chat'] })) }),
}

function event(kind: EventKind, name: string, value: Record<string, unknown>): StreamEvent {
  return { kind, name, data: JSON.stringify({ type: name, ...value }) }
}

function counts(usage: ContentUsage | undefined): Record<string, unknown> {
  if (!usage) return {}
  const tokens = { input_tokens: usage.input, output_tokens: usage.output }
  return { usage: { billed_units: tokens, tokens, ...(usage.cacheRead && { cached_tokens: usage.cacheRead }) } }
}

function toolCall({ id, name, arguments: args }: Extract<Block, { type: 'tool' }>): Record<string, unknown> {
  return { id, type: 'function', function: { name, arguments: args === '' ? 'null' : args } }
}

function contentOf(block: Block): Record<string, unknown>[] {
  if (block.type === 'text' || block.type === 'refusal') return [{ type: 'text', text: block.text }]
  return block.type === 'reasoning' ? [{ type: 'thinking', thinking: block.text }] : []
}

function blockEvents(block: Block, index: number, length: number | undefined): StreamEvent[] {
  if (block.type === 'tool') {
    const opened = { ...toolCall(block), function: { name: block.name, arguments: '' } }
    return [
      event('content', 'tool-call-start', { index, delta: { message: { tool_calls: opened } } }),
      ...pieces(block.arguments || 'null', 7).map((piece) =>
        event('content', 'tool-call-delta', { index, delta: { message: { tool_calls: { function: { arguments: piece } } } } }),
      ),
      event('block', 'tool-call-end', { index }),
    ]
  }
  const kind = block.type === 'reasoning' ? 'thinking' : 'text'
  const text = block.type === 'redacted' ? '' : block.text
  return [
    event('block', 'content-start', { index, delta: { message: { content: { type: kind, [kind]: '' } } } }),
    ...pieces(text, length).map((piece) =>
      event('content', 'content-delta', { index, delta: { message: { content: { [kind]: piece } } } }),
    ),
    event('block', 'content-end', { index }),
  ]
}
