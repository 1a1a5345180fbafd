import Anthropic from '@anthropic-ai/sdk'
import type { ContentBlockParam, Message, MessageCreateParamsNonStreaming, MessageParam } from '@anthropic-ai/sdk/resources/messages'
import { ANSWER_SCHEMA, type Client, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tools',
  refusal: 'filter',
}

/** `@anthropic-ai/sdk`, messages, by its stream helper, which puts the message together from the events. */
export function anthropicMessages({ url }: Places): Client {
  const client = new Anthropic({ apiKey: 'sk-client', baseURL: `${url}/anthropic`, maxRetries: 0 })
  return {
    name: 'anthropic-messages',
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const request = requestOf(question)
        if (!isStream) {
          const message = await client.messages.create(request)
          onHeard?.(message)
          return read(told, message)
        }
        const stream = client.messages.stream(request)
        stream.on('streamEvent', (event) => onHeard?.(structuredClone(event)))
        stream.on('text', (delta) => {
          told.text += delta
        })
        const message = await stream.finalMessage()
        onHeard?.(message)
        read(told, message)
      }),
  }
}

function requestOf(question: Question): MessageCreateParamsNonStreaming {
  const content: ContentBlockParam[] = []
  if (question.image) content.push({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: question.image } })
  if (question.document)
    content.push({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: question.document } })
  content.push({ type: 'text', text: question.text })
  const messages: MessageParam[] = [{ role: 'user', content }]
  if (question.result !== undefined) {
    messages.push({ role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_9', name: TOOL.name, input: { city: 'Paris' } }] })
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_9', content: question.result }] })
  }
  const { name, description, schema } = TOOL
  return {
    model: question.model,
    messages,
    max_tokens: 4000,
    ...(question.hasTools && { tools: [{ name, description, input_schema: schema }] }),
    ...(question.hasSchema && { output_config: { format: { type: 'json_schema', schema: ANSWER_SCHEMA } } }),
    ...(question.thinks && { thinking: { type: 'enabled', budget_tokens: 2000 } }),
  }
}

function read(told: Told, message: Message): void {
  told.text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  told.thoughts = message.content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join('')
  for (const block of message.content) if (block.type === 'tool_use') told.calls.push([block.name, block.input])
  told.stop = STOPS[message.stop_reason ?? ''] ?? 'other'
  const { input_tokens: input, output_tokens: output, cache_read_input_tokens: read, cache_creation_input_tokens: written } = message.usage
  told.usage = { input: input + (read ?? 0) + (written ?? 0), output }
}
