import OpenAI from 'openai'
import { type Client, listen, type Told } from '../matrix/client.ts'

const STOPS: Readonly<Record<string, Told['stop']>> = { stop: 'stop', length: 'length', content_filter: 'filter' }

/** `openai`, text completions. */
export function completions(url: string): Client {
  const client = new OpenAI({ apiKey: 'sk-client', baseURL: `${url}/openai/v1`, maxRetries: 0 })
  return {
    name: 'openai-completions',
    ask: ({ text, model }, isStream, onHeard) =>
      listen(async (told) => {
        const request = { model, prompt: text }
        const pieces = isStream
          ? await client.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })
          : [await client.completions.create(request)]
        for await (const piece of pieces) {
          onHeard?.(piece)
          const [choice] = piece.choices
          told.text += choice?.text ?? ''
          if (choice?.finish_reason) told.stop = STOPS[choice.finish_reason] ?? 'other'
          if (piece.usage) told.usage = { input: piece.usage.prompt_tokens, output: piece.usage.completion_tokens }
        }
      }),
  }
}
