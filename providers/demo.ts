import type { StreamPart } from '../core/canonical/chat.ts'
import { defineProvider } from '../core/provider.ts'

/** Longest piece of the question that is said back, in characters. */
const ECHO_LENGTH = 60

/** Answers from the process itself, so that a new installation has something to talk to. Costs nothing, knows nothing, needs no key. */
export const demo = defineProvider({
  name: 'demo',
  format: 'openai-chat',
  auth: 'none',
  keyless: 'key',
  paths: { chat_completion: '/v1/chat/completions' },
  models: ['hello'],
  respond,
})

/** The same question always gets the same answer, in one part per word. */
function respond({ model, text }: { model: string; text: string }): readonly StreamPart[] {
  const question = text.replace(/\s+/g, ' ').trim()
  const words = answer(question).split(/(?<= )/)
  const inputTokens = count(question)
  return [
    // Without an id of its own: the gateway gives each answer one.
    { type: 'response-start', id: '', model },
    { type: 'part-start', choice: 0, index: 0, part: { type: 'text', text: '' } },
    ...words.map((word): StreamPart => ({ type: 'part-delta', choice: 0, index: 0, delta: { text: word } })),
    { type: 'part-end', choice: 0, index: 0 },
    { type: 'choice-end', choice: 0, stop: { reason: 'stop', raw: 'stop' } },
    { type: 'usage', usage: { inputTokens, outputTokens: words.length, totalTokens: inputTokens + words.length } },
    { type: 'response-end' },
  ]
}

function answer(question: string): string {
  if (question === '') return 'Hello from the gateway! It works. Now give it a provider and a key.'
  const letters = [...question]
  const echo = letters.length > ECHO_LENGTH ? `${letters.slice(0, ECHO_LENGTH).join('')}...` : question
  return `Hello from the gateway! It works. You said: "${echo}". Now give it a provider and a key.`
}

function count(text: string): number {
  return text === '' ? 0 : text.split(' ').length
}
