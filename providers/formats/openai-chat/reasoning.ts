import type { Extra, ReasoningPart } from '../../../core/canonical/chat.ts'
import { type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import { text } from '../shared/openai-text.ts'
import { extraOf, NAME, objects } from './types.ts'

/** One piece of thinking in a message or a delta. `key` tells pieces of one detail from those of another. */
export interface ReasoningPiece {
  key: string
  text: string
  id?: string | undefined
  signature?: string | undefined
  redacted?: string | undefined
  summary?: boolean | undefined
  signedBy?: string | undefined
  extra?: Extra | undefined
}

/** What OpenRouter calls the form of a signature, by who can verify it: https://openrouter.ai/docs/use-cases/reasoning-tokens */
const FORMATS: Readonly<Record<string, string>> = {
  anthropic: 'anthropic-claude-v1',
  openai: 'openai-responses-v1',
  google: 'google-gemini-v1',
  xai: 'xai-responses-v1',
}

/** Key of thinking that stands outside the details. */
export const BARE = 'bare'

/**
 * Thinking in a message or a delta. Providers write it as `reasoning_details`, `reasoning` or `reasoning_content`, often the
 * same text in two of them; it counts once, by the details where they hold text.
 */
export function readReasoning(message: JsonObject): ReasoningPiece[] {
  const bare = text(message.reasoning) ?? text(message.reasoning_content)
  const list = message.reasoning_details
  if (list === undefined || list === null) return bare === undefined ? [] : [{ key: BARE, text: bare }]
  const pieces = objects(list).map(readDetail)
  const isTold = bare === undefined || pieces.some((piece) => piece.text !== '')
  return isTold ? pieces : [{ key: BARE, text: bare }, ...pieces]
}

function readDetail(detail: JsonObject, position: number): ReasoningPiece {
  const kind = text(detail.type) ?? 'reasoning.text'
  const index = typeof detail.index === 'number' ? detail.index : position
  return {
    key: `${kind}:${index}`,
    text: text(detail.text) ?? text(detail.summary) ?? '',
    id: text(detail.id),
    signature: text(detail.signature),
    redacted: text(detail.data),
    summary: kind === 'reasoning.summary' ? true : undefined,
    ...readSigner(text(detail.format)),
  }
}

/** Who signed, and the word for it where it is not the usual one: what is signed goes back as it came. */
function readSigner(format: string | undefined): Pick<ReasoningPiece, 'signedBy' | 'extra'> {
  const family = format?.slice(0, Math.max(0, format.indexOf('-')))
  const signedBy = family !== undefined && Object.hasOwn(FORMATS, family) ? family : undefined
  const isUsual = format === undefined || (signedBy !== undefined && FORMATS[signedBy] === format)
  return { signedBy, extra: isUsual ? undefined : extraOf({ format }) }
}

function formatOf({ signedBy, extra }: Partial<ReasoningPart>): string | undefined {
  const own = text(extra?.[NAME]?.format)
  return own ?? (signedBy !== undefined && Object.hasOwn(FORMATS, signedBy) ? FORMATS[signedBy] : undefined)
}

/** The pieces of a whole message as parts; pieces with the same key in a row are one. */
export function reasoningParts(message: JsonObject): ReasoningPart[] {
  const parts: ReasoningPart[] = []
  let openKey: string | undefined
  for (const { key, ...piece } of readReasoning(message)) {
    const open = parts.at(-1)
    if (open && key === openKey) {
      open.text += piece.text
      open.signature = piece.signature ?? open.signature
      open.redacted = piece.redacted ?? open.redacted
      open.signedBy = piece.signedBy ?? open.signedBy
      open.extra = piece.extra ?? open.extra
    } else {
      parts.push(withoutUndefined<ReasoningPart>({ type: 'reasoning', ...piece }))
      openKey = key
    }
  }
  return parts.map(withoutUndefined)
}

/** A part as an entry of `reasoning_details`. `index` counts the reasoning parts of a choice. */
export function encodeDetail(part: Partial<ReasoningPart>, index: number): JsonObject {
  const { signature } = part
  const said = part.redacted !== undefined ? { data: part.redacted } : part.summary ? { summary: part.text } : { text: part.text }
  return withoutUndefined<JsonObject>({ ...detailHead(part, index), ...said, signature })
}

/** What each entry of a part repeats: its place, type and id, and who signed it. */
export function detailHead(part: Partial<ReasoningPart>, index: number): JsonObject {
  return withoutUndefined<JsonObject>({ index, type: detailType(part), id: part.id, format: formatOf(part) })
}

function detailType(part: Partial<ReasoningPart>): string {
  if (part.redacted !== undefined) return 'reasoning.encrypted'
  return part.summary ? 'reasoning.summary' : 'reasoning.text'
}

/** Whether a part proves where it came from: it then must go back as it came. */
export function hasProof(part: ReasoningPart): boolean {
  return part.signature !== undefined || part.redacted !== undefined
}

/** The reasoning fields of a whole message; none when nothing was thought. */
export function encodeReasoning(parts: readonly ReasoningPart[]): JsonObject {
  if (parts.length === 0) return {}
  const reasoning = parts.map((part) => part.text).join('')
  return { ...(reasoning !== '' && { reasoning }), reasoning_details: parts.map(encodeDetail) }
}
