import { type Content, type ContentUsage, pieces } from './contents.ts'
import type { Dialect, StreamEvent } from './dialect.ts'
import { openaiChat } from './openai-chat.ts'

/** OpenAI's text completions as https://platform.openai.com/docs/api-reference/completions describes them: texts alone. */
export const openaiCompletions: Dialect = {
  ...openaiChat,
  name: 'openai-completions',

  whole(content, { model }) {
    const body = { ...envelope(model), choices: [choice(textOf(content), content)] }
    return JSON.stringify({ ...body, ...(content.usage && { usage: usage(content.usage) }) })
  },

  events(content, { model, includeUsage }) {
    const piece = (text: string): StreamEvent => ({
      kind: 'content',
      data: JSON.stringify({ ...envelope(model), choices: [choice(text)] }),
    })
    const events = pieces(textOf(content), content.pieceLength).map(piece)
    events.push({ kind: 'finish', data: JSON.stringify({ ...envelope(model), choices: [choice('', content)] }) })
    if (includeUsage && content.usage)
      events.push({ kind: 'usage', data: JSON.stringify({ ...envelope(model), choices: [], usage: usage(content.usage) }) })
    return [...events, { kind: 'terminal', data: '[DONE]' }]
  },

  cutEvent: () => ({ kind: 'content', data: '{"choices":[{"index":0,"te' }),
}

function envelope(model: string): Record<string, unknown> {
  return { id: 'cmpl-fake-1', object: 'text_completion', created: 1_790_000_000, model }
}

function textOf({ blocks }: Content): string {
  return blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

function choice(text: string, content?: Content): Record<string, unknown> {
  const reason = content?.stop === 'length' ? 'length' : 'stop'
  return { text, index: 0, logprobs: null, finish_reason: content ? reason : null }
}

function usage({ input, output }: ContentUsage): Record<string, unknown> {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}
