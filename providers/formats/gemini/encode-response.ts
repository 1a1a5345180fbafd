import type { ChatResponse, Choice, Citation, Part } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { encodeProof } from '../shared/proof.ts'
import { parseArguments } from '../shared/tool-arguments.ts'
import { isMinted, NAME, PROOF, type WirePart } from './types.ts'

/** A whole answer of generateContent. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const { promptFeedback } = response.choices[0]?.extra?.[NAME] ?? {}
  const candidates = promptFeedback === undefined ? response.choices.map(encodeChoice) : []
  return {
    ...(candidates.length > 0 && { candidates }),
    ...(promptFeedback !== undefined && { promptFeedback }),
    usageMetadata: encodeUsage(response.usage),
    ...identity(response, options),
  }
}

/** What every event and answer says of itself. */
export function identity({ id, model }: { id: string; model: string }, options: ReplyOptions): JsonObject {
  return { modelVersion: model || options.model, responseId: id || options.id }
}

function encodeChoice({ index, parts, stop, extra }: Choice): JsonObject {
  const grounding = encodeGrounding(parts)
  return {
    content: { parts: parts.flatMap(encodePart), role: 'model' },
    finishReason: encodeStop(stop),
    index,
    ...(grounding && { groundingMetadata: grounding }),
    ...extra?.[NAME],
  }
}

/** A part of an answer as Gemini writes it; none for what only another format knows. */
export function encodePart(part: Part): WirePart[] {
  return (ENCODERS[part.type] as (part: Part) => WirePart[])(part)
}

type Encoders = { [Type in Part['type']]: (part: Extract<Part, { type: Type }>) => WirePart[] }

const ENCODERS: Encoders = {
  text: ({ text, extra }) => [{ text, ...extra?.[NAME] }],
  refusal: ({ text }) => [{ text }],
  reasoning(part) {
    const thoughtSignature = encodeProof(part, PROOF)
    return [{ text: part.text, thought: true, ...(thoughtSignature !== undefined && { thoughtSignature }) }]
  },
  'tool-call'(part) {
    const own = part.extra?.[NAME]
    if (part.kind === 'server') return own ? [{ ...own }] : encodeCode(part.name, part.arguments)
    const args = (part.kind === 'custom' ? undefined : parseArguments(part.arguments)) ?? { input: part.arguments }
    const id = isMinted(part.id) ? {} : { id: part.id }
    const signed = part.signature === undefined ? {} : { thoughtSignature: part.signature }
    return [{ functionCall: { ...id, name: part.name, args }, ...signed, ...own }]
  },
  'tool-result'(part) {
    const own = part.extra?.[NAME]
    if (own) return [{ ...own }]
    if (part.name !== 'code_execution') return []
    const output = part.parts.flatMap((child) => (child.type === 'text' ? [child.text] : [])).join('')
    return [{ codeExecutionResult: { outcome: part.isError ? 'OUTCOME_FAILED' : 'OUTCOME_OK', output } }]
  },
  image: encodeMedia,
  audio: encodeMedia,
  document: encodeMedia,
  opaque: (part) => (part.format === NAME ? [{ ...part.value }] : []),
}

function encodeMedia({ source, extra }: Extract<Part, { type: 'image' | 'audio' | 'document' }>): WirePart[] {
  const marks = extra?.[NAME]
  if (source.kind === 'data') return [{ inlineData: { mimeType: source.mediaType, data: source.data }, ...marks }]
  if (source.kind !== 'url') return []
  return [{ fileData: { ...(source.mediaType !== undefined && { mimeType: source.mediaType }), fileUri: source.url }, ...marks }]
}

function encodeCode(name: string, written: string): WirePart[] {
  const code = name === 'code_execution' ? parseArguments(written)?.code : undefined
  return typeof code === 'string' ? [{ executableCode: { language: 'PYTHON', code } }] : []
}

const WORDS: Readonly<Record<StopReason, string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
  refusal: 'SAFETY',
  pause: 'STOP',
  compaction: 'STOP',
  error: 'OTHER',
  other: 'OTHER',
}

/** Why it stopped: Google's own word, which is in capitals as nobody else's, or the one that means it. */
export function encodeStop({ reason, raw }: Stop): string {
  return raw !== undefined && /^[A-Z_]+$/.test(raw) && raw !== 'COMPLETE' && raw !== 'TOOL_CALL' ? raw : WORDS[reason]
}

/** Usage as Google tells it: answers without their thoughts. Zeros where nothing was told. */
export function encodeUsage(usage: Usage | undefined): JsonObject {
  if (usage?.raw?.format === NAME) return usage.raw.value
  const { inputTokens = 0, outputTokens = 0, reasoningTokens, cacheReadTokens } = usage ?? {}
  return {
    promptTokenCount: inputTokens,
    candidatesTokenCount: outputTokens - (reasoningTokens ?? 0),
    totalTokenCount: inputTokens + outputTokens,
    ...(reasoningTokens !== undefined && { thoughtsTokenCount: reasoningTokens }),
    ...(cacheReadTokens !== undefined && { cachedContentTokenCount: cacheReadTokens }),
  }
}

/** Citations of an answer as grounding, in bytes: the inverse of decodeGrounding. Undefined where nothing is cited, or Google cited itself. */
export function encodeGrounding(parts: readonly Part[]): JsonObject | undefined {
  const chunks: JsonObject[] = []
  const supports: JsonObject[] = []
  let before = 0
  for (const part of parts) {
    if (part.type !== 'text') continue
    for (const citation of part.citations ?? []) {
      if (citation.extra?.[NAME]) return undefined
      supports.push({ segment: segmentOf(citation, part.text, before), groundingChunkIndices: [chunks.length] })
      const { url, title } = citation
      chunks.push(url === undefined ? { retrievedContext: { title: title ?? '' } } : { web: { uri: url, title: title ?? url } })
    }
    before += Buffer.byteLength(part.text)
  }
  return chunks.length > 0 ? { groundingChunks: chunks, groundingSupports: supports } : undefined
}

function segmentOf({ start, end, text: quoted }: Citation, text: string, before: number): JsonObject {
  const said = quoted === undefined ? {} : { text: quoted }
  if (start === undefined || end === undefined) return said
  const points = [...text]
  const bytes = (count: number): number => before + Buffer.byteLength(points.slice(0, count).join(''))
  return { startIndex: bytes(start), endIndex: bytes(end), ...said }
}
