import type { ChatResponse } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { ReplyOptions } from '../../../core/format.ts'
import { encodeItem, itemId } from './encode-items.ts'
import type { Item } from './types.ts'
import { encodeUsage } from './usage.ts'

/** A whole answer: https://platform.openai.com/docs/api-reference/responses/object. The first choice; the API has no others. */
export function encodeResponse(response: ChatResponse, options: ReplyOptions): JsonObject {
  const [choice] = response.choices
  const id = response.id || options.id
  const output = (choice?.parts ?? []).flatMap((part, place) => encodeItem(part, itemId(part, id, place)) ?? [])
  const head = responseHead(response, options)
  return { ...head, ...ending(choice?.stop, output), usage: encodeUsage(response.usage), ...tier(response.serviceTier) }
}

/** What an answer says of itself and of the request, before anything is said. */
export function responseHead(answer: { id: string; model: string; created?: number | undefined }, options: ReplyOptions): JsonObject {
  const echo = isObject(options.carry?.echo) ? options.carry.echo : {}
  return {
    // Clients tell responses from other things by how their ids begin.
    id: answer.id || `resp_${options.id}`,
    object: 'response',
    created_at: answer.created ?? options.created,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    user: null,
    ...echo,
    reasoning: { effort: null, summary: null, ...(isObject(echo.reasoning) && echo.reasoning) },
    text: { format: { type: 'text' }, ...(isObject(echo.text) && echo.text) },
    model: answer.model || options.model,
    output: [],
    usage: null,
  }
}

/** How an answer ended, with all that was said. */
export function ending(stop: Stop | undefined, output: readonly Item[]): JsonObject {
  const reason = INCOMPLETE[stop?.reason ?? 'stop']
  const incomplete = reason === undefined ? null : { reason }
  return { status: reason === undefined ? 'completed' : 'incomplete', incomplete_details: incomplete, output }
}

const INCOMPLETE: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
}

/** The tier that served the request. */
export function tier(serviceTier: string | undefined): JsonObject {
  return serviceTier === undefined ? {} : { service_tier: serviceTier }
}
