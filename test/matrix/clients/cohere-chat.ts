import { type Cohere, CohereClientV2 } from 'cohere-ai'
import { ANSWER_SCHEMA, type Client, type Heard, listen, type Places, type Question, TOOL, type Told } from '../client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tools',
  // The first version's word: the second has none.
  ERROR_TOXIC: 'filter',
}

/** `cohere-ai`, the second chat API. Its dialect has no documents but texts. */
export function cohereChat({ url }: Places): Client {
  const client = new CohereClientV2({ token: 'client', baseUrl: `${url}/cohere`, maxRetries: 0 })
  return {
    name: 'cohere-chat',
    limits: { document: 'no PDF' },
    ask: (question, isStream, onHeard) =>
      listen(async (told) => {
        const request = requestOf(question)
        if (isStream) return readStream(told, await client.chatStream(request), onHeard)
        const answer = await client.chat(request)
        onHeard?.(answer)
        const { message, finishReason, usage } = answer
        for (const block of message.content ?? []) {
          if (block.type === 'text') told.text += block.text
          else told.thoughts += block.thinking
        }
        for (const { function: called } of message.toolCalls ?? []) told.calls.push([called?.name ?? '', argumentsIn(called?.arguments)])
        end(told, finishReason, usage)
      }),
  }
}

function requestOf(question: Question): Cohere.V2ChatRequest {
  const content: Cohere.Content[] = []
  if (question.image) content.push({ type: 'image_url', imageUrl: { url: `data:image/png;base64,${question.image}` } })
  content.push({ type: 'text', text: question.text })
  const messages: Cohere.ChatMessageV2[] = [{ role: 'user', content }]
  if (question.result !== undefined) {
    const called = { name: TOOL.name, arguments: '{"city":"Paris"}' }
    messages.push({ role: 'assistant', toolCalls: [{ id: 'call_9', type: 'function', function: called }] })
    messages.push({ role: 'tool', toolCallId: 'call_9', content: question.result })
  }
  const { name, description, schema: parameters } = TOOL
  return {
    model: question.model,
    messages,
    maxTokens: 4000,
    ...(question.hasTools && { tools: [{ type: 'function', function: { name, description, parameters } }] }),
    ...(question.hasSchema && { responseFormat: { type: 'json_object', jsonSchema: ANSWER_SCHEMA } }),
    ...(question.thinks && { thinking: { type: 'enabled' } }),
  }
}

async function readStream(told: Told, stream: AsyncIterable<Cohere.V2ChatStreamResponse>, onHeard?: Heard): Promise<void> {
  const calls: { name: string; input: string }[] = []
  for await (const event of stream) {
    onHeard?.(event)
    if (event.type === 'content-delta') {
      const { text, thinking } = event.delta?.message?.content ?? {}
      told.text += text ?? ''
      told.thoughts += thinking ?? ''
    } else if (event.type === 'tool-call-start') {
      calls.push({ name: event.delta?.message?.toolCalls?.function?.name ?? '', input: '' })
    } else if (event.type === 'tool-call-delta') {
      const call = calls.at(-1)
      if (call) call.input += event.delta?.message?.toolCalls?.function?.arguments ?? ''
    } else if (event.type === 'message-end') {
      // The event of a failure says so beside its reason.
      const { error, finishReason, usage } = event.delta ?? {}
      if (error) throw new Error(error)
      end(told, finishReason, usage)
    }
  }
  for (const call of calls) told.calls.push([call.name, argumentsIn(call.input)])
  if (told.stop === 'other') throw new Error('the stream had no end')
}

/** Calls without arguments have `null` for them at times. */
function argumentsIn(written: string | undefined): unknown {
  return JSON.parse(written || '{}') ?? {}
}

function end(told: Told, reason: string | undefined, usage: Cohere.Usage | undefined): void {
  told.stop = STOPS[reason ?? ''] ?? 'other'
  const { inputTokens = 0, outputTokens = 0 } = usage?.tokens ?? {}
  if (usage) told.usage = { input: inputTokens, output: outputTokens }
}
