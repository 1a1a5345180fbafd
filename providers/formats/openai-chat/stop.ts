import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import { unifyStop } from '../shared/stop-reason.ts'

/** `finish_reason` of OpenAI and of compatible servers (Mistral's model_length, Together's eos). */
const REASONS: Readonly<Record<string, StopReason>> = {
  stop: 'stop',
  eos: 'stop',
  length: 'length',
  model_length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  error: 'error',
}

/** What clients of this format are told; where it is undefined they get the provider's own word. */
const WORDS: Readonly<Record<StopReason, string | undefined>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
  pause: undefined,
  compaction: 'compaction',
  error: 'error',
  other: undefined,
}

/** Reads a finish reason; null or absent is `other` without a word. */
export function decodeStop(value: unknown): Stop {
  return unifyStop(typeof value === 'string' ? value : undefined, REASONS)
}

/** The finish reason for a client, never null: strict clients take null for a stream that was cut. */
export function encodeStop(stop: Stop): string {
  return WORDS[stop.reason] ?? stop.raw ?? 'stop'
}
