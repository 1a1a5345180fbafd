import { type Block, type Content, type ContentStop, type ContentUsage, pieces } from './contents.ts'
import type { AnswerOptions, Dialect, StreamEvent } from './dialect.ts'

const CREATED = 1_790_000_000
const FINISH: Record<ContentStop, string> = {
  stop: 'stop',
  length: 'length',
  tools: 'tool_calls',
  refusal: 'stop',
  filter: 'content_filter',
  sequence: 'stop',
}
const ERROR_TYPES: Record<number, [type: string, code: string | null]> = {
  400: ['invalid_request_error', null],
  401: ['invalid_request_error', 'invalid_api_key'],
  402: ['insufficient_quota', 'insufficient_quota'],
  403: ['invalid_request_error', 'unsupported_country_region_territory'],
  404: ['invalid_request_error', 'model_not_found'],
  422: ['invalid_request_error', 'unprocessable_entity'],
  429: ['requests', 'rate_limit_exceeded'],
}

/**
 * OpenAI chat completions as https://platform.openai.com/docs/api-reference/chat describes them; reasoning stands in
 * `reasoning_content`, as compatible providers send it.
 */
export const openaiChat: Dialect = {
  name: 'openai-chat',

  whole(content, { model }) {
    const choice = { index: 0, message: message(content.blocks), logprobs: null, finish_reason: FINISH[content.stop] }
    return JSON.stringify({
      id: 'chatcmpl-fake-1',
      object: 'chat.completion',
      created: CREATED,
      model,
      choices: [choice],
      ...(content.usage && { usage: usage(content.usage) }),
      service_tier: 'default',
      system_fingerprint: 'fp_fake',
    })
  },

  events(content, options) {
    const events: StreamEvent[] = [delta('start', { role: 'assistant', content: '', refusal: null }, options)]
    let toolIndex = 0
    for (const block of content.blocks) {
      const index = block.type === 'tool' ? toolIndex++ : 0
      for (const piece of deltas(block, index, content.pieceLength)) events.push(delta('content', piece, options))
    }
    events.push(delta('finish', {}, options, FINISH[content.stop]))
    if (options.includeUsage && content.usage) {
      events.push({ kind: 'usage', data: JSON.stringify({ ...envelope(options.model), choices: [], usage: usage(content.usage) }) })
    }
    events.push({ kind: 'terminal', data: '[DONE]' })
    return events
  },

  error(status, text) {
    const [type, code] = ERROR_TYPES[status] ?? ['server_error', null]
    return JSON.stringify({ error: { message: text, type, param: null, code } })
  },

  errorEvent(text) {
    return { kind: 'error', data: JSON.stringify({ error: { message: text, type: 'server_error', param: null, code: null } }) }
  },

  cutEvent: () => ({ kind: 'content', data: '{"choices":[{"index":0,"delta":{"con' }),

  models(ids) {
    return JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'fake' })) })
  },
}

function message(blocks: Content['blocks']): Record<string, unknown> {
  const text = blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const reasoning = blocks.map((block) => (block.type === 'reasoning' ? block.text : '')).join('')
  const refusal = blocks.map((block) => (block.type === 'refusal' ? block.text : '')).join('')
  const calls = blocks.flatMap((block) => (block.type === 'tool' ? [call(block)] : []))
  const annotations = blocks.flatMap((block) => (block.type === 'text' && block.citation ? [annotation(block)] : []))
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== '') ? null : text,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
    refusal: refusal === '' ? null : refusal,
    annotations,
  }
}

function call(block: Extract<Block, { type: 'tool' }>): Record<string, unknown> {
  return { id: block.id, type: 'function', function: { name: block.name, arguments: block.arguments || '{}' } }
}

function annotation(block: Extract<Block, { type: 'text' }>): Record<string, unknown> {
  const { url, title } = block.citation ?? { url: '', title: '' }
  return { type: 'url_citation', url_citation: { start_index: 0, end_index: block.text.length, url, title } }
}

/** The deltas that carry one block. */
function deltas(block: Block, index: number, length: number | undefined): Record<string, unknown>[] {
  if (block.type === 'text') {
    const texts: Record<string, unknown>[] = pieces(block.text, length).map((content) => ({ content }))
    return block.citation ? [...texts, { annotations: [annotation(block)] }] : texts
  }
  if (block.type === 'reasoning') return pieces(block.text, length).map((piece) => ({ reasoning_content: piece }))
  if (block.type === 'refusal') return pieces(block.text, length).map((refusal) => ({ refusal }))
  if (block.type === 'redacted') return []
  const first = { index, id: block.id, type: 'function', function: { name: block.name, arguments: '' } }
  const rest = pieces(block.arguments || '{}', 7).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] }))
  return [{ tool_calls: [first] }, ...rest]
}

function delta(
  kind: StreamEvent['kind'],
  value: Record<string, unknown>,
  options: AnswerOptions,
  finish: string | null = null,
): StreamEvent {
  const choices = [{ index: 0, delta: value, logprobs: null, finish_reason: finish }]
  return { kind, data: JSON.stringify({ ...envelope(options.model), choices, ...(options.includeUsage && { usage: null }) }) }
}

function envelope(model: string): Record<string, unknown> {
  return {
    id: 'chatcmpl-fake-1',
    object: 'chat.completion.chunk',
    created: CREATED,
    model,
    service_tier: 'default',
    system_fingerprint: 'fp_fake',
  }
}

function usage(tokens: ContentUsage): Record<string, unknown> {
  return {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cacheRead ?? 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning ?? 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}
