import type { ChatRequest, ChatResponse, Message, Part, PartDelta, StreamPart, ToolCallPart } from '../../core/canonical/chat.ts'
import { explode } from '../../core/canonical/explode.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { Random } from './random.ts'

interface Talk {
  asked: () => Part[]
  said: () => Part[]
  answered?: (calls: ToolCallPart[]) => Message[]
}

/** What the makers of all formats share: values that every format can carry. */
export class Maker extends Random {
  #made = 0
  /** Calls that wait for a result. */
  readonly unanswered: ToolCallPart[] = []

  json = (): JsonObject => ({ [this.one('a', 'b', 'input')]: this.one<JsonObject[string]>(1, 'é', null, [true, {}], { deep: ['x'] }) })
  textPart = (): Part => ({ type: 'text', text: this.text() })
  id = (prefix: string): string => `${prefix}_${++this.#made}`

  call = (fields: Partial<ToolCallPart> = {}): Part => {
    const written = fields.kind === 'custom' ? this.text() : JSON.stringify(this.json())
    const part: ToolCallPart = { type: 'tool-call', id: this.id('call'), name: this.one('f', 'g_h'), arguments: written, ...fields }
    this.unanswered.push(part)
    return part
  }

  /** A conversation: what was asked, what the model said, the results that it waits for (absent: `asked` has them), and a last question. */
  talk = ({ asked, said, answered }: Talk): Message[] => {
    const messages: Message[] = []
    for (let turn = 0; turn < this.one(1, 2, 3); turn++) {
      messages.push({ role: 'user', parts: asked() }, { role: 'assistant', parts: said() })
      if (answered) messages.push(...answered(this.unanswered.splice(0)))
    }
    return [...messages, { role: 'user', parts: asked() }]
  }

  /** Settings of one value that most formats have. */
  settings = (): Partial<ChatRequest> => ({
    maxOutputTokens: this.maybe(() => 9000),
    temperature: this.maybe(() => 0.5),
    topP: this.maybe(() => 0.9),
  })
}

/**
 * An answer as a provider might stream it that works on several parts at once: they begin in their order, and from then on
 * their pieces come in any. Thoughts, and what comes in one piece, stay by themselves.
 */
export function weave(response: ChatResponse, random: Random): StreamPart[] {
  const woven: StreamPart[] = []
  for (const part of explode({ ...response, choices: [] })) {
    if (part.type === 'response-end') for (const choice of response.choices) woven.push(...weaveChoice(choice, random))
    woven.push(part)
  }
  // Usage comes last.
  const usage = woven.findIndex((part) => part.type === 'usage')
  if (usage >= 0) woven.splice(-1, 0, ...woven.splice(usage, 1))
  return woven
}

interface Thread {
  index: number
  pieces: PartDelta[]
}

function weaveChoice({ index: choice, parts, stop, logprobs, extra }: ChatResponse['choices'][number], random: Random): StreamPart[] {
  const woven: StreamPart[] = []
  const open: Thread[] = []
  const say = (thread: Thread): void => {
    const delta = thread.pieces.shift()
    if (delta) woven.push({ type: 'part-delta', choice, index: thread.index, delta })
    else woven.push({ type: 'part-end', choice, index: thread.index })
    if (!delta) open.splice(open.indexOf(thread), 1)
  }
  const end = (): void => {
    for (const thread of [...open]) while (open.includes(thread)) say(thread)
  }
  for (const [index, part] of parts.entries()) {
    const isApart = part.type !== 'text' && part.type !== 'tool-call'
    if (isApart) end()
    const [opening, pieces] = cut(part, random)
    woven.push({ type: 'part-start', choice, index, part: opening })
    open.push({ index, pieces })
    if (isApart) end()
    while (open.length > 0 && random.chance(0.7)) say(random.one(...open))
  }
  while (open.length > 0) say(random.one(...open))
  if (logprobs !== undefined) woven.push({ type: 'logprobs', choice, value: logprobs })
  woven.push({ type: 'choice-end', choice, stop, ...(extra && { extra }) })
  return woven
}

/** A part as it opens, and its pieces: cut between any two characters. */
function cut(part: Part, random: Random): [Part, PartDelta[]] {
  if (part.type === 'tool-call') return [{ ...part, arguments: '' }, pieces(part.arguments, random).map((said) => ({ arguments: said }))]
  if (part.type === 'text') {
    const { citations = [], ...rest } = part
    const cited = citations.map((citation) => ({ citation }))
    return [{ ...rest, text: '' }, [...pieces(part.text, random).map((said) => ({ text: said })), ...cited]]
  }
  if (part.type === 'refusal') return [{ ...part, text: '' }, pieces(part.text, random).map((said) => ({ text: said }))]
  if (part.type !== 'reasoning' || part.redacted !== undefined) return [part, []]
  const { signature, ...rest } = part
  const proof = signature === undefined ? [] : [{ signature }]
  return [{ ...rest, text: '' }, [...pieces(part.text, random).map((said) => ({ text: said })), ...proof]]
}

function pieces(text: string, random: Random): string[] {
  const found: string[] = []
  for (const character of text) {
    if (found.length === 0 || random.chance(0.3)) found.push('')
    found[found.length - 1] += character
  }
  return found
}
