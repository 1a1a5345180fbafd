import { type Block, type ContentStop, type ContentUsage, pieces } from './contents.ts'
import type { Dialect, StreamEvent } from './dialect.ts'

type Part = Record<string, unknown>

const FINISH_REASONS: Record<ContentStop, string> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tools: 'STOP',
  refusal: 'SAFETY',
  filter: 'SAFETY',
  sequence: 'STOP',
}
const STATUSES: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Gemini's generateContent as https://ai.google.dev/api/generate-content describes it: calls without ids, no terminator. */
export const gemini: Dialect = {
  name: 'gemini',

  whole(content, { model }) {
    const parts = content.blocks.flatMap(wholeParts)
    return JSON.stringify({ candidates: [candidate(parts, content.stop)], ...usage(content.usage), ...identity(model) })
  },

  events(content, { model }) {
    const parts = content.blocks.flatMap((block) => streamParts(block, content.pieceLength))
    const last = JSON.stringify({ candidates: [candidate([{ text: '' }], content.stop)], ...usage(content.usage), ...identity(model) })
    return [piece('start', [{ text: '' }], model), ...parts.map((part) => piece('content', [part], model)), { kind: 'finish', data: last }]
  },

  error: (status, message) => JSON.stringify({ error: { code: status, message, status: STATUSES[status] ?? 'UNKNOWN' } }),

  errorEvent: (message) => ({ kind: 'error', data: JSON.stringify({ error: { code: 503, message, status: 'UNAVAILABLE' } }) }),

  cutEvent: () => ({ kind: 'content', data: '{"candidates":[{"content":{"par' }),

  models: (ids) =>
    JSON.stringify({
      models: ids.map((id) => ({ name: `models/${id}`, displayName: id, supportedGenerationMethods: ['generateContent'] })),
      // As Vertex AI has them.
      publisherModels: ids.map((id) => ({ name: `publishers/google/models/${id}` })),
    }),
}

function identity(model: string): Record<string, unknown> {
  return { modelVersion: model, responseId: 'fake_1' }
}

function candidate(parts: readonly Part[], stop?: ContentStop): Record<string, unknown> {
  return { content: { parts, role: 'model' }, ...(stop && { finishReason: FINISH_REASONS[stop] }), index: 0 }
}

function piece(kind: StreamEvent['kind'], parts: readonly Part[], model: string): StreamEvent {
  return { kind, data: JSON.stringify({ candidates: [candidate(parts)], ...identity(model) }) }
}

/** Output is told without thoughts, input with the cached share. */
function usage(tokens: ContentUsage | undefined): Record<string, unknown> {
  if (!tokens) return {}
  const { input, output, reasoning = 0, cacheRead } = tokens
  return {
    usageMetadata: {
      promptTokenCount: input,
      candidatesTokenCount: output - reasoning,
      totalTokenCount: input + output,
      ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
      ...(cacheRead && { cachedContentTokenCount: cacheRead }),
    },
  }
}

function wholeParts(block: Block): Part[] {
  if (block.type === 'text') return [{ text: block.text }]
  if (block.type === 'reasoning') return [{ text: block.text, thought: true, thoughtSignature: block.signature }]
  if (block.type === 'tool') return [{ functionCall: { name: block.name, args: JSON.parse(block.arguments || '{}') } }]
  return []
}

/** Text comes piece by piece, a call whole, and a signature with the last of the thoughts. */
function streamParts(block: Block, length: number | undefined): Part[] {
  if (block.type === 'text') return pieces(block.text, length).map((text) => ({ text }))
  if (block.type !== 'reasoning') return wholeParts(block)
  const thoughts = pieces(block.text, length)
  return thoughts.map((text, at) => ({ text, thought: true, ...(at === thoughts.length - 1 && { thoughtSignature: block.signature }) }))
}
