import OpenAI from 'openai'
import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming, ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { ANSWER_SCHEMA, type Client, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = { stop: 'stop', length: 'length', tool_calls: 'tools', content_filter: 'filter' }

/** `openai`, chat completions, by its strict stream helper. */
export function openaiChat({ url }: Places): Client {
  const client = new OpenAI({ apiKey: 'sk-client', baseURL: `${url}/openai/v1`, maxRetries: 0 })
  return {
    name: 'openai-chat',
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const request = requestOf(question)
        if (!isStream) {
          const completion = await client.chat.completions.create(request)
          onHeard?.(completion)
          return read(told, completion)
        }
        const stream = client.chat.completions.stream({ ...request, stream: true, stream_options: { include_usage: true } })
        stream.on('content', (delta) => {
          told.text += delta
        })
        // The helper knows nothing of thoughts, which OpenAI does not show in this dialect.
        stream.on('chunk', (chunk) => {
          onHeard?.(structuredClone(chunk))
          told.thoughts += thoughtsIn(chunk.choices[0]?.delta ?? {})
        })
        const completion = await stream.finalChatCompletion()
        onHeard?.(completion)
        read(told, completion)
      }),
  }
}

function requestOf(question: Question): ChatCompletionCreateParamsNonStreaming {
  const content = [
    ...(question.image ? [{ type: 'image_url' as const, image_url: { url: `data:image/png;base64,${question.image}` } }] : []),
    ...(question.document
      ? [{ type: 'file' as const, file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${question.document}` } }]
      : []),
    { type: 'text' as const, text: question.text },
  ]
  const messages: ChatCompletionMessageParam[] = [{ role: 'user', content }]
  if (question.result !== undefined) {
    const called = { name: TOOL.name, arguments: '{"city":"Paris"}' }
    messages.push({ role: 'assistant', content: null, tool_calls: [{ id: 'call_9', type: 'function', function: called }] })
    messages.push({ role: 'tool', tool_call_id: 'call_9', content: question.result })
  }
  const { name, description, schema: parameters } = TOOL
  return {
    model: question.model,
    messages,
    max_completion_tokens: 4000,
    ...(question.hasTools && { tools: [{ type: 'function', function: { name, description, parameters } }] }),
    ...(question.hasSchema && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: ANSWER_SCHEMA, strict: true } },
    }),
    ...(question.thinks && { reasoning_effort: 'medium' as const }),
  }
}

/** As compatible providers name them. */
function thoughtsIn(message: object): string {
  const { reasoning, reasoning_content: content } = message as { reasoning?: string; reasoning_content?: string }
  return reasoning ?? content ?? ''
}

function read(told: Told, { choices, usage }: ChatCompletion): void {
  const message = choices[0]?.message
  told.text = message?.content || message?.refusal || ''
  told.thoughts ||= thoughtsIn(message ?? {})
  for (const call of message?.tool_calls ?? [])
    told.calls.push(
      call.type === 'custom' ? [call.custom.name, { input: call.custom.input }] : [call.function.name, JSON.parse(call.function.arguments)],
    )
  told.stop = STOPS[choices[0]?.finish_reason ?? ''] ?? 'other'
  // xAI counts thoughts in the total alone.
  if (usage)
    told.usage = { input: usage.prompt_tokens, output: Math.max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens) }
}
