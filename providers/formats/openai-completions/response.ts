import type { ChatResponse, Choice } from '../../../core/canonical/chat.ts'
import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { Stop, StopReason } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { unifyStop } from '../shared/stop-reason.ts'
import { count, details } from '../shared/usage.ts'
import { NAME, text } from './types.ts'

const STOP_REASONS: Readonly<Record<string, StopReason>> = { stop: 'stop', length: 'length', content_filter: 'content-filter' }

/** A whole answer: https://platform.openai.com/docs/api-reference/completions/object. Throws GW_UPSTREAM_INVALID for what is none. */
export function decodeResponse(body: JsonObject): ChatResponse {
  if (!Array.isArray(body.choices)) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body has no choices' })
  const usage = decodeUsage(body.usage)
  return {
    id: text(body.id) ?? '',
    model: text(body.model) ?? '',
    ...(typeof body.created === 'number' && { created: body.created }),
    choices: body.choices.filter(isObject).map(decodeChoice),
    ...(usage && { usage }),
  }
}

function decodeChoice(choice: JsonObject, position: number): Choice {
  const said = text(choice.text) ?? ''
  return {
    index: typeof choice.index === 'number' ? choice.index : position,
    parts: said === '' ? [] : [{ type: 'text', text: said }],
    stop: decodeStop(choice.finish_reason),
    ...(choice.logprobs !== undefined && choice.logprobs !== null && { extra: { [NAME]: { logprobs: choice.logprobs } } }),
  }
}

/** Why a choice ended. */
export function decodeStop(reason: unknown): Stop {
  return unifyStop(text(reason), STOP_REASONS)
}

/** Tokens, of which completions count no other kinds than chats do. Undefined where the value is no object. */
export function decodeUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const reasoning = count(details(value.completion_tokens_details)?.reasoning_tokens)
  const cached = count(details(value.prompt_tokens_details)?.cached_tokens)
  return {
    inputTokens: count(value.prompt_tokens) ?? 0,
    outputTokens: count(value.completion_tokens) ?? 0,
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
    ...(cached !== undefined && { cacheReadTokens: cached }),
    raw: { format: NAME, value },
  }
}

/** A whole answer for the client. Thoughts, calls and media have no place in a completion: its text is all there is. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const { usage } = response
  return {
    ...completionHead({ ...response, created: response.created }, options),
    choices: response.choices.map((choice) => {
      const said = choice.parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
      return wireChoice({ index: choice.index, text: echoOf(options) + said, stop: choice.stop, logprobs: choice.extra?.[NAME]?.logprobs })
    }),
    ...(usage && { usage: encodeUsage(usage) }),
  }
}

/** What answers and events say of themselves. */
export function completionHead(answer: { id: string; model: string; created?: number | undefined }, options: ReplyOptions): JsonObject {
  const { id, model, created = options.created } = answer
  return { id: id || options.id, object: 'text_completion', created, model: model || options.model }
}

/** The prompt, where the client asked to have it back (`echo`). */
export function echoOf({ carry }: ReplyOptions): string {
  return text(carry?.echo) ?? ''
}

/** One choice as the wire has it; `stop` is absent while it goes on. */
export function wireChoice(choice: { index: number; text: string; stop?: Stop | undefined; logprobs?: Json | undefined }): JsonObject {
  return {
    text: choice.text,
    index: choice.index,
    logprobs: choice.logprobs ?? null,
    finish_reason: choice.stop ? encodeStop(choice.stop) : null,
  }
}

function encodeStop({ reason }: Stop): string {
  if (reason === 'length') return 'length'
  return reason === 'content-filter' || reason === 'refusal' ? 'content_filter' : 'stop'
}

/** Usage for the client. */
export function encodeUsage(usage: Usage): JsonObject {
  if (usage.raw?.format === NAME) return usage.raw.value
  const { inputTokens, outputTokens, cacheReadTokens, reasoningTokens } = usage
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cacheReadTokens !== undefined && { prompt_tokens_details: { cached_tokens: cacheReadTokens } }),
    ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  }
}
