import { type Block, type Content, pieces } from './contents.ts'
import type { Dialect, StreamEvent } from './dialect.ts'
import { openaiChat } from './openai-chat.ts'

type Item = Record<string, unknown>

/** OpenAI's Responses API as https://platform.openai.com/docs/api-reference/responses-streaming describes it. */
export const openaiResponses: Dialect = {
  ...openaiChat,
  name: 'openai-responses',

  whole: (content, { model }) => JSON.stringify(response(content, model)),

  events(content, { model }) {
    const made = new Events()
    const begun = { ...response(content, model), status: 'in_progress', output: [], usage: null }
    made.push('start', 'response.created', { response: begun })
    made.push('block', 'response.in_progress', { response: begun })
    for (const [index, block] of content.blocks.entries()) blockEvents(made, block, { index, length: content.pieceLength })
    const whole = response(content, model)
    made.push('finish', `response.${String(whole.status)}`, { response: whole })
    return made.events
  },

  errorEvent: (message) => ({
    kind: 'error',
    name: 'error',
    data: JSON.stringify({ type: 'error', sequence_number: 9, code: 'server_error', message, param: null }),
  }),

  cutEvent: () => ({ kind: 'content', name: 'response.output_text.delta', data: '{"type":"response.output_text.del' }),
}

/** Events with their numbers. */
class Events {
  readonly events: StreamEvent[] = []

  push(kind: StreamEvent['kind'], type: string, fields: Item): void {
    this.events.push({ kind, name: type, data: JSON.stringify({ type, sequence_number: this.events.length, ...fields }) })
  }
}

function response(content: Content, model: string): Item {
  const isCut = content.stop === 'length' || content.stop === 'filter'
  const { input = 0, output = 0, cacheRead = 0, reasoning = 0 } = content.usage ?? {}
  return {
    id: 'resp_fake_1',
    object: 'response',
    created_at: 1_790_000_000,
    status: isCut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: isCut ? { reason: content.stop === 'length' ? 'max_output_tokens' : 'content_filter' } : null,
    model,
    output: content.blocks.map(itemOf),
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cacheRead },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: input + output,
    },
  }
}

function itemOf(block: Block, index: number): Item {
  const id = `item_${index}`
  if (block.type === 'reasoning') {
    return { type: 'reasoning', id, summary: [{ type: 'summary_text', text: block.text }], encrypted_content: block.signature }
  }
  if (block.type === 'redacted') return { type: 'reasoning', id, summary: [], encrypted_content: block.data }
  if (block.type === 'tool') {
    return { type: 'function_call', id, call_id: block.id, name: block.name, arguments: block.arguments || '{}', status: 'completed' }
  }
  return { type: 'message', id, status: 'completed', role: 'assistant', content: [partOf(block)] }
}

function partOf(block: Extract<Block, { type: 'text' | 'refusal' }>): Item {
  if (block.type === 'refusal') return { type: 'refusal', refusal: block.text }
  const { citation, text } = block
  const annotations = citation
    ? [{ type: 'url_citation', start_index: 0, end_index: text.length, url: citation.url, title: citation.title }]
    : []
  return { type: 'output_text', text, annotations, logprobs: [] }
}

const EMPTY: Readonly<Record<string, Item>> = {
  message: { status: 'in_progress', content: [] },
  reasoning: { summary: [] },
  function_call: { status: 'in_progress', arguments: '' },
}

function blockEvents(made: Events, block: Block, { index, length }: { index: number; length: number | undefined }): void {
  const item = itemOf(block, index)
  const at = { item_id: item.id, output_index: index }
  const { encrypted_content: _sealed, ...bare } = item
  made.push('block', 'response.output_item.added', { output_index: index, item: { ...bare, ...EMPTY[String(item.type)] } })
  if (block.type === 'text' || block.type === 'refusal') textEvents(made, block, { at, length })
  else if (block.type === 'reasoning') thoughtEvents(made, block.text, { at, length })
  else if (block.type === 'tool') {
    for (const delta of pieces(block.arguments || '{}', 7)) made.push('content', 'response.function_call_arguments.delta', { ...at, delta })
    made.push('block', 'response.function_call_arguments.done', { ...at, arguments: block.arguments || '{}' })
  }
  made.push('block', 'response.output_item.done', { output_index: index, item })
}

interface Place {
  at: Item
  length: number | undefined
}

function textEvents(made: Events, block: Extract<Block, { type: 'text' | 'refusal' }>, { at, length }: Place): void {
  const isText = block.type === 'text'
  const kind = isText ? 'output_text' : 'refusal'
  const empty = isText ? { type: kind, text: '', annotations: [], logprobs: [] } : { type: kind, refusal: '' }
  const done = isText ? { text: block.text, logprobs: [] } : { refusal: block.text }
  made.push('block', 'response.content_part.added', { ...at, content_index: 0, part: empty })
  for (const delta of pieces(block.text, length))
    made.push('content', `response.${kind}.delta`, { ...at, content_index: 0, delta, logprobs: [] })
  made.push('block', `response.${kind}.done`, { ...at, content_index: 0, ...done })
  made.push('block', 'response.content_part.done', { ...at, content_index: 0, part: partOf(block) })
}

function thoughtEvents(made: Events, text: string, { at, length }: Place): void {
  const part = { type: 'summary_text', text }
  made.push('block', 'response.reasoning_summary_part.added', { ...at, summary_index: 0, part: { ...part, text: '' } })
  for (const delta of pieces(text, length))
    made.push('content', 'response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta })
  made.push('block', 'response.reasoning_summary_text.done', { ...at, summary_index: 0, text })
  made.push('block', 'response.reasoning_summary_part.done', { ...at, summary_index: 0, part })
}
