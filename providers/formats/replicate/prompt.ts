import type { ImagePart, Message, Part } from '../../../core/canonical/chat.ts'
import { toDataUrl } from '../shared/data-url.ts'

/** A conversation as predictions take it. */
export interface Prompt {
  system: string
  prompt: string
  /** http(s) and data URLs, in order. */
  images: string[]
}

const SPEAKERS: Readonly<Record<string, string>> = { user: 'User', assistant: 'Assistant' }

/**
 * The conversation as texts. Blocks of a message are joined by newlines; where the assistant has spoken each turn says whose it
 * is, because one text cannot tell otherwise. `unsupported` is called with the path of what has no place in a text.
 */
export function writePrompt(messages: readonly Message[], unsupported: (param: string) => void): Prompt {
  const system: string[] = []
  const turns: { speaker: string; text: string }[] = []
  const images: string[] = []
  for (const [index, message] of messages.entries()) {
    const text = textOf(message.parts, { path: `messages[${index}].content`, images, unsupported })
    if (text === '') continue
    const speaker = SPEAKERS[message.role]
    if (speaker === undefined) system.push(text)
    else turns.push({ speaker, text })
  }
  const isDialogue = turns.some(({ speaker }) => speaker === 'Assistant')
  const prompt = isDialogue
    ? turns.map(({ speaker, text }) => `${speaker}: ${text}`).join('\n\n')
    : turns.map(({ text }) => text).join('\n')
  return { system: system.join('\n'), prompt, images }
}

interface Place {
  path: string
  images: string[]
  unsupported: (param: string) => void
}

function textOf(parts: readonly Part[], { path, images, unsupported }: Place): string {
  const texts: string[] = []
  for (const [index, part] of parts.entries()) {
    if (part.type === 'text' || part.type === 'refusal') texts.push(part.text)
    else if (part.type === 'image') addImage(images, part, () => unsupported(`${path}[${index}]`))
    else if (part.type === 'document' && part.source.kind === 'text') texts.push(part.source.text)
    // Thoughts of earlier turns are nobody's to say again.
    else if (part.type !== 'reasoning')
      unsupported(part.type === 'tool-call' ? path.replace(/content$/, 'tool_calls') : `${path}[${index}]`)
  }
  return texts.filter((text) => text !== '').join('\n')
}

function addImage(images: string[], { source }: ImagePart, unsupported: () => void): void {
  if (source.kind === 'url') images.push(source.url)
  else if (source.kind === 'data') images.push(toDataUrl(source.mediaType, source.data))
  else unsupported()
}
