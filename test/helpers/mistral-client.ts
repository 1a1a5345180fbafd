import { Mistral } from '@mistralai/mistralai'
import type { UsageInfo } from '@mistralai/mistralai/models/components'
import { type Client, type Heard, listen, type Told } from '../matrix/client.ts'

type Stream = Awaited<ReturnType<Mistral['chat']['stream']>>
type Said = {
  content?: unknown
  toolCalls?: { index?: number | undefined; function: { name: string; arguments: unknown } }[] | null | undefined
}

const STOPS: Readonly<Record<string, Told['stop']>> = { stop: 'stop', length: 'length', model_length: 'length', tool_calls: 'tools' }

/** `@mistralai/mistralai`, which reads what the gateway's OpenAI routes write. */
export function mistral(url: string): Client {
  const client = new Mistral({ apiKey: 'sk-client', serverURL: url, retryConfig: { strategy: 'none' } })
  return {
    name: 'mistral',
    ask: ({ text, model }, isStream, onHeard) =>
      listen(async (told) => {
        const request = { model, messages: [{ role: 'user' as const, content: text }] }
        if (isStream) return readStream(told, await client.chat.stream(request), onHeard)
        const answer = await client.chat.complete(request)
        onHeard?.(answer)
        const calls = read(told, answer.choices[0]?.message ?? {}, [])
        finish(told, { calls, reason: answer.choices[0]?.finishReason, usage: answer.usage })
      }),
  }
}

async function readStream(told: Told, stream: Stream, onHeard?: Heard): Promise<void> {
  let calls: Call[] = []
  for await (const event of stream) {
    onHeard?.(event)
    const [choice] = event.data.choices
    calls = read(told, choice?.delta ?? {}, calls)
    finish(told, { calls: [], reason: choice?.finishReason, usage: event.data.usage })
  }
  finish(told, { calls, reason: undefined, usage: undefined })
}

interface Call {
  name: string
  input: string
}

/** Adds texts, thoughts and pieces of calls. */
function read(told: Told, { content, toolCalls }: Said, calls: Call[]): Call[] {
  if (typeof content === 'string') told.text += content
  else if (Array.isArray(content)) {
    for (const { text = '', thinking = [] } of content as { text?: string; thinking?: { text: string }[] }[]) {
      told.text += text
      told.thoughts += thinking.map((piece) => piece.text).join('')
    }
  }
  for (const { index = 0, function: called } of toolCalls ?? []) {
    const input = typeof called.arguments === 'string' ? called.arguments : JSON.stringify(called.arguments)
    const known = calls[index]
    calls[index] = { name: known?.name || called.name, input: (known?.input ?? '') + input }
  }
  return calls
}

function finish(
  told: Told,
  { calls, reason, usage }: { calls: Call[]; reason: string | null | undefined; usage: UsageInfo | undefined },
): void {
  for (const { name, input } of calls) told.calls.push([name, JSON.parse(input || '{}')])
  if (reason) told.stop = STOPS[reason] ?? 'other'
  if (usage) told.usage = { input: usage.promptTokens ?? 0, output: usage.completionTokens ?? 0 }
}
