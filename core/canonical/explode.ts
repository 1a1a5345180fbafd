import type { ChatResponse, Part, PartDelta, StreamPart } from './chat.ts'

/** A whole answer as the stream that would have made it; what folds back to it (core/canonical/collect.ts). */
export function explode(response: ChatResponse): StreamPart[] {
  const { id, model, created, serviceTier, extra } = response
  const parts: StreamPart[] = [{ type: 'response-start', id, model, created, serviceTier, extra }]
  for (const choice of response.choices) {
    choice.parts.forEach((part, index) => {
      parts.push(...explodePart(choice.index, index, part))
    })
    if (choice.logprobs !== undefined) parts.push({ type: 'logprobs', choice: choice.index, value: choice.logprobs })
    parts.push({ type: 'choice-end', choice: choice.index, stop: choice.stop, extra: choice.extra })
  }
  if (response.usage) parts.push({ type: 'usage', usage: response.usage, serviceTier })
  parts.push({ type: 'response-end' })
  return parts
}

function explodePart(choice: number, index: number, part: Part): StreamPart[] {
  const [opening, delta] = split(part)
  const parts: StreamPart[] = [{ type: 'part-start', choice, index, part: opening }]
  if (delta) parts.push({ type: 'part-delta', choice, index, delta })
  parts.push({ type: 'part-end', choice, index })
  return parts
}

/** The part as it opens, and what streams into it. */
function split(part: Part): [Part, PartDelta | undefined] {
  if (part.type === 'text' || part.type === 'refusal') return [{ ...part, text: '' }, { text: part.text }]
  if (part.type === 'tool-call') return [{ ...part, arguments: '' }, { arguments: part.arguments }]
  if (part.type === 'reasoning' && part.redacted === undefined) {
    const { signature, ...rest } = part
    return [
      { ...rest, text: '' },
      { text: part.text, signature },
    ]
  }
  return [part, undefined]
}
