import { type Block, type Content, type ContentStop, type ContentUsage, pieces } from './contents.ts'
import type { Dialect, StreamEvent } from './dialect.ts'

const STOP_REASONS: Record<ContentStop, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tools: 'tool_use',
  refusal: 'refusal',
  filter: 'refusal',
  sequence: 'stop_sequence',
}
const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** Anthropic messages as https://docs.claude.com/en/api/messages and .../messages-streaming describe them. */
export const anthropicMessages: Dialect = {
  name: 'anthropic-messages',

  whole(content, { model }) {
    return JSON.stringify({
      ...envelope(model),
      content: content.blocks.map(wholeBlock),
      ...stop(content.stop),
      ...(content.usage && { usage: usage(content.usage, content.usage.output) }),
    })
  },

  events(content, { model }) {
    const message = { ...envelope(model), content: [], stop_reason: null, stop_sequence: null }
    const started = content.usage && { usage: usage(content.usage, 1) }
    const ended = content.usage && { usage: { output_tokens: content.usage.output } }
    return [
      named('start', { type: 'message_start', message: { ...message, ...started } }),
      ...content.blocks.flatMap((block, index) => blockEvents(block, index, content)),
      named('finish', { type: 'message_delta', delta: stop(content.stop), ...ended }),
      named('terminal', { type: 'message_stop' }),
    ]
  },

  error(status, text) {
    const error = { type: ERROR_TYPES[status] ?? 'api_error', message: text }
    return JSON.stringify({ type: 'error', error, request_id: 'req_fake_1' })
  },

  errorEvent(text) {
    return named('error', { type: 'error', error: { type: 'overloaded_error', message: text } })
  },

  cutEvent: () => ({ kind: 'content', data: '{"choices":[{"index":0,"delta":{"con' }),

  models(ids) {
    const data = ids.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z' }))
    return JSON.stringify({ data, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null })
  },
}

function envelope(model: string): Record<string, unknown> {
  return { id: 'msg_fake_1', type: 'message', role: 'assistant', model }
}

function stop(reason: ContentStop): Record<string, unknown> {
  return { stop_reason: STOP_REASONS[reason], stop_sequence: reason === 'sequence' ? 'three' : null }
}

/** Anthropic counts input without the cached share. */
function usage(tokens: ContentUsage, output: number): Record<string, unknown> {
  const written = tokens.cacheWrite ?? 0
  const read = tokens.cacheRead ?? 0
  return {
    input_tokens: tokens.input - written - read,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    output_tokens: output,
    service_tier: 'standard',
  }
}

function wholeBlock(block: Block): Record<string, unknown> {
  if (block.type === 'reasoning') return { type: 'thinking', thinking: block.text, signature: block.signature }
  if (block.type === 'redacted') return { type: 'redacted_thinking', data: block.data }
  if (block.type === 'tool') return { type: 'tool_use', id: block.id, name: block.name, input: JSON.parse(block.arguments || '{}') }
  if (block.type === 'text' && block.citation) return { type: 'text', text: block.text, citations: [citation(block.citation)] }
  return { type: 'text', text: block.text }
}

function citation(from: { url: string; title: string; quote: string }): Record<string, unknown> {
  return { type: 'web_search_result_location', url: from.url, title: from.title, cited_text: from.quote, encrypted_index: 'ZmFrZQ==' }
}

function blockEvents(block: Block, index: number, content: Content): StreamEvent[] {
  const opened = named('block', { type: 'content_block_start', index, content_block: emptyBlock(block) })
  const deltas = blockDeltas(block, content.pieceLength).map((delta) => named('content', { type: 'content_block_delta', index, delta }))
  const closed = named('block', { type: 'content_block_stop', index })
  return index === 0 ? [opened, named('block', { type: 'ping' }), ...deltas, closed] : [opened, ...deltas, closed]
}

function emptyBlock(block: Block): Record<string, unknown> {
  if (block.type === 'reasoning') return { type: 'thinking', thinking: '', signature: '' }
  if (block.type === 'redacted') return { type: 'redacted_thinking', data: block.data }
  if (block.type === 'tool') return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  return { type: 'text', text: '', ...(block.type === 'text' && block.citation && { citations: [] }) }
}

function blockDeltas(block: Block, length: number | undefined): Record<string, unknown>[] {
  if (block.type === 'redacted') return []
  if (block.type === 'tool') {
    return ['', ...pieces(block.arguments, 7)].map((piece) => ({ type: 'input_json_delta', partial_json: piece }))
  }
  if (block.type === 'reasoning') {
    const thoughts = pieces(block.text, length).map((thinking) => ({ type: 'thinking_delta', thinking }))
    return [...thoughts, { type: 'signature_delta', signature: block.signature }]
  }
  const texts = pieces(block.text, length).map((text) => ({ type: 'text_delta', text }))
  const cited = block.type === 'text' && block.citation
  return cited ? [...texts, { type: 'citations_delta', citation: citation(cited) }] : texts
}

function named(kind: StreamEvent['kind'], data: Record<string, unknown>): StreamEvent {
  return { kind, name: String(data.type), data: JSON.stringify(data) }
}
