import type { Message } from '../../../core/canonical/chat.ts'

/** How a family of models writes a conversation into one text: what opens a turn, whose turn it is, and what else stands between. */
interface Template {
  /** Finds the openings; a group that is not there says nothing. */
  opening: RegExp
  role(match: RegExpExecArray): Message['role'] | undefined
  /** Marks that are no part of what is said. */
  noise: RegExp
}

const HEADERS: Readonly<Record<string, Message['role']>> = { system: 'system', user: 'user', ipython: 'user', assistant: 'assistant' }

const TEMPLATES: readonly Template[] = [
  // Claude, before Messages: https://docs.claude.com/en/api/prompt-validation
  {
    opening: /\n\n(Human|Assistant):/g,
    role: ([, name]) => (name === 'Human' ? 'user' : 'assistant'),
    noise: /(?!)/g,
  },
  // Llama 3: https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-3/; Llama 4 writes the same with shorter marks.
  {
    opening: /<\|(?:start_header_id|header_start)\|>\s*(\w+)\s*<\|(?:end_header_id|header_end)\|>/g,
    role: ([, name]) => HEADERS[name ?? ''],
    noise: /<\|(?:begin_of_text|eot_id|eot|end_of_text|eom_id)\|>/g,
  },
  // Mistral and Llama 2: https://docs.mistral.ai/guides/tokenization/
  {
    opening: /\[(\/?)INST\]/g,
    role: ([, slash]) => (slash ? 'assistant' : 'user'),
    noise: /<\/?s>/g,
  },
  // DeepSeek R1, whose prompts may open the model's thoughts.
  {
    opening: /<｜(User|Assistant)｜>/g,
    role: ([, name]) => (name === 'User' ? 'user' : 'assistant'),
    noise: /<｜(?:begin|end)▁of▁sentence｜>|<think>\s*$/g,
  },
  // Titan: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html
  {
    opening: /(?:^|\n)(User|Bot):/g,
    role: ([, name]) => (name === 'User' ? 'user' : 'assistant'),
    noise: /(?!)/g,
  },
]

/**
 * A prompt as the conversation that it writes down by its family's template, which other models would read as text; a prompt without
 * one is what a user says. An answer that the prompt leaves open, as all do, is no message.
 */
export function readPrompt(prompt: string): Message[] {
  for (const template of TEMPLATES) {
    const messages = readBy(template, prompt)
    if (messages.some(({ role }) => role === 'user')) return messages
  }
  return [said('user', prompt)]
}

function readBy({ opening, role, noise }: Template, prompt: string): Message[] {
  const turns = [...prompt.matchAll(opening)]
  const [first] = turns
  const last = turns.at(-1)
  // It is the model's turn, or the marks are what a user speaks of.
  if (!first || !last || role(last) !== 'assistant') return []
  const messages: Message[] = []
  const add = (of: Message['role'] | undefined, text: string): void => {
    const words = text.replace(noise, '').trim()
    if (words !== '') messages.push(...withSystem(of ?? 'user', words))
  }
  add('system', prompt.slice(0, first.index))
  for (const [at, turn] of turns.entries()) add(role(turn), prompt.slice(turn.index + turn[0].length, turns[at + 1]?.index))
  return messages
}

/** Llama 2 writes the system's words into the first of the user's. */
const SYSTEM = /^<<SYS>>([\s\S]*?)<<\/SYS>>/

function withSystem(role: Message['role'], text: string): Message[] {
  const [whole, system] = SYSTEM.exec(text) ?? []
  if (whole === undefined) return [said(role, text)]
  const rest = text.slice(whole.length).trim()
  return [said('system', (system ?? '').trim()), ...(rest === '' ? [] : [said(role, rest)])]
}

function said(role: Message['role'], text: string): Message {
  return { role, parts: [{ type: 'text', text }] }
}
