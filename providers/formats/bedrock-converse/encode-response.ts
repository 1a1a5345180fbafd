import type { ChatResponse, Choice, Part } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { encodeBlock } from './encode-blocks.ts'
import { STOP_REASONS } from './response.ts'
import { NAME } from './types.ts'
import { encodeUsage } from './usage.ts'

/** A whole answer: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. The first choice; the API has no others. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const [choice] = response.choices
  const parts = choice?.parts ?? []
  // A text has no id: most answers are one.
  const encode = (part: Part, index: number) => encodeBlock(part, part.type === 'text' ? '' : mintedId(options, index))
  const content = parts.map(encode).filter((block) => block !== undefined)
  const hasCalls = parts.some((part) => part.type === 'tool-call' && part.kind !== 'server')
  return {
    output: { message: { role: 'assistant', content } },
    ...encodeStop(choice?.stop, { hasCalls, extra: choice?.extra }),
    ...encodeFacts(response),
  }
}

/** The id of a call whose provider gave none, by its part's position. */
export function mintedId({ id }: ReplyOptions, index: number): string {
  return `tooluse_${id.replace(/[^a-zA-Z0-9_-]/g, '_')}_${index}`
}

const WORDS: Readonly<Record<StopReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'content_filtered',
  refusal: 'content_filtered',
  pause: 'end_turn',
  compaction: 'end_turn',
  error: 'end_turn',
  other: 'end_turn',
}

/** What else an answer says of its stop. */
interface StopFacts {
  /** Calls wait for the client: some providers name another reason then, and clients run calls for this one alone. */
  hasCalls: boolean
  extra: Choice['extra']
}

/** Why it stopped, in the API's words: its own word where it wrote one. */
export function encodeStop(stop: Stop | undefined, { hasCalls, extra }: StopFacts): JsonObject {
  const { reason = 'stop', raw, sequence } = stop ?? {}
  const isOwn = raw !== undefined && Object.hasOwn(STOP_REASONS, raw) && STOP_REASONS[raw] === reason
  const isWaiting = hasCalls && (reason === 'stop' || reason === 'other')
  const word = isWaiting ? 'tool_use' : sequence !== undefined && reason === 'stop' ? 'stop_sequence' : WORDS[reason]
  const fields = extra?.[NAME]?.additionalModelResponseFields ?? (sequence === undefined ? undefined : { stop_sequence: sequence })
  return {
    stopReason: isOwn && !isWaiting ? raw : word,
    ...(fields !== undefined && { additionalModelResponseFields: fields }),
  }
}

/** Usage, latency and what else stands beside an answer, at the end of a stream in an event of its own. Strict clients want the first two. */
export function encodeFacts({ usage, serviceTier, extra }: Pick<ChatResponse, 'usage' | 'serviceTier' | 'extra'>): JsonObject {
  return {
    usage: encodeUsage(usage),
    metrics: { latencyMs: 0 },
    ...(serviceTier !== undefined && { serviceTier: { type: serviceTier } }),
    ...extra?.[NAME],
  }
}
