import type { ChatResponse, Part } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import { GatewayError } from '../../../core/errors.ts'
import { decodeAnnotations } from './decode-content.ts'
import { decodeReasoning } from './decode-items.ts'
import { responseFailure } from './error.ts'
import { NAME, text } from './types.ts'
import { decodeUsage } from './usage.ts'

/** A whole answer. Throws GW_UPSTREAM_INVALID for what is none, GW_UPSTREAM_ERROR for a response that failed. */
export function decodeResponse(body: JsonObject): ChatResponse {
  if (body.status === 'failed' || (isObject(body.error) && body.output === undefined)) throw responseFailure(body)
  if (!Array.isArray(body.output)) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body has no output' })
  const parts = body.output.filter(isObject).flatMap(decodeOutputItem)
  const usage = decodeUsage(body.usage)
  const serviceTier = text(body.service_tier)
  return {
    id: text(body.id) ?? '',
    model: text(body.model) ?? '',
    ...(typeof body.created_at === 'number' && { created: body.created_at }),
    choices: [{ index: 0, parts, stop: decodeStop(body, parts) }],
    ...(usage && { usage }),
    ...(serviceTier !== undefined && { serviceTier }),
  }
}

/** Why a response ended: its status, what it lacks, and whether it waits for results. */
export function decodeStop({ status, incomplete_details: details }: JsonObject, parts: readonly Part[]): Stop {
  if (status === 'incomplete') {
    const raw = isObject(details) ? text(details.reason) : undefined
    return { reason: raw === 'content_filter' ? 'content-filter' : 'length', ...(raw !== undefined && { raw }) }
  }
  const waits = parts.some((part) => part.type === 'tool-call' && part.kind !== 'server')
  return { reason: waits ? 'tool-calls' : 'stop', ...(typeof status === 'string' && { raw: status }) }
}

/** An item of the output as parts, in their order. */
export function decodeOutputItem(item: JsonObject): Part[] {
  if (item.type === 'message') return (Array.isArray(item.content) ? item.content.filter(isObject) : []).map(decodeContentPart)
  if (item.type === 'reasoning') return decodeReasoning(item, 'output').map((part) => ({ signedBy: 'openai', ...part }) as Part)
  if (isClientCall(item)) return [decodeCall(item)]
  return [{ type: 'opaque', format: NAME, value: item }]
}

/** Whether the client is to run what an item calls. xAI names its own searches like the client's tools: https://docs.x.ai/docs/guides/tools/overview */
export function isClientCall({ type, call_id: id }: JsonObject): boolean {
  return type === 'function_call' || (type === 'custom_tool_call' && !text(id)?.startsWith('xs_call_'))
}

/** A part of a message; kinds that are not known are kept whole. */
export function decodeContentPart(part: JsonObject): Part {
  if (part.type === 'refusal') return { type: 'refusal', text: text(part.refusal) ?? '' }
  if (part.type !== 'output_text') return { type: 'opaque', format: NAME, value: part }
  const citations = decodeAnnotations(part.annotations)
  return { type: 'text', text: text(part.text) ?? '', ...(citations.length > 0 && { citations }) }
}

/** A call with what this format knows of it besides. */
export function decodeCall(item: JsonObject): Part & { type: 'tool-call' } {
  const { type, call_id: id, name, arguments: written, input, status: _status, ...own } = item
  const isCustom = type === 'custom_tool_call'
  return {
    type: 'tool-call',
    id: text(id) ?? text(own.id) ?? '',
    name: text(name) ?? '',
    arguments: text(isCustom ? input : written) ?? '',
    ...(isCustom && { kind: 'custom' as const }),
    ...(Object.keys(own).length > 0 && { extra: { [NAME]: own } }),
  }
}
