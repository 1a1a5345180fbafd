import type { StreamPart } from '../../../core/canonical/chat.ts'
import { isObject, type JsonObject, parseObject } from '../../../core/canonical/json.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { DecodedRequest, Frame, Inbound } from '../../../core/format.ts'
import { object, optional } from '../shared/fields.ts'
import { redirected } from '../shared/sinks.ts'
import { type Family, NAME } from './family.ts'

/** Claude's Messages, with the dialect's version in place of the model; its beta flags are Bedrock's own, and go to Bedrock alone. */
export function claudeFamily(inbound: Inbound): Family {
  return {
    ...answersIn(inbound),
    decodeRequest(body, named) {
      const { anthropic_version: _, anthropic_beta: betas, ...said } = body
      const decoded = inbound.decodeRequest({ ...said, ...named })
      return Array.isArray(betas) ? withCorner(decoded, { additionalModelRequestFields: { anthropic_beta: betas } }) : decoded
    },
  }
}

/** Fields that Nova reads beside Converse's, and that Converse takes among the model's own. */
const NOVA_FIELDS = ['topK', 'top_k']

/** Amazon Nova, which speaks Converse but for a few names: https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html */
export function novaFamily(inbound: Inbound): Family {
  return {
    ...answersIn(inbound, ({ event = '', data }) => `{${JSON.stringify(event)}:${data}}`),
    decodeRequest(body, named) {
      const { schemaVersion: _, inferenceConfig, reasoningConfig, ...said } = body
      const config = optional(inferenceConfig, 'inferenceConfig', object)
      const fields: JsonObject = { ...(isObject(said.additionalModelRequestFields) && said.additionalModelRequestFields) }
      if (reasoningConfig !== undefined) fields.reasoningConfig = reasoningConfig
      const topK = NOVA_FIELDS.map((name) => config?.[name]).find((value) => value !== undefined)
      if (topK !== undefined) fields.inferenceConfig = { topK }
      return inbound.decodeRequest(
        {
          ...said,
          ...(config && { inferenceConfig: converseConfig(config) }),
          ...(Object.keys(fields).length > 0 && { additionalModelRequestFields: fields }),
        },
        named,
      )
    },
  }
}

/** Names that Nova knows besides. */
const FORMER = { max_new_tokens: 'maxTokens', top_p: 'topP' } as const

function converseConfig(config: JsonObject): JsonObject {
  const { topK: _, top_k: __, ...rest } = config
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [FORMER[name as keyof typeof FORMER] ?? name, value]))
}

/** OpenAI's chat, which OpenAI's own open models take, AI21's, and most makers' newer ones. */
export function openaiFamily(inbound: Inbound): Family {
  return {
    ...answersIn(inbound),
    decodeRequest: (body, { model, stream }) => inbound.decodeRequest({ ...body, model, stream }, { model, stream }),
  }
}

/**
 * Mistral's newer models: OpenAI's chat, whose choices tell their end as `stop_reason`. Their streams repeat messages, clients of others look
 * for deltas: both are there. https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
 */
export function mistralChatFamily(inbound: Inbound): Family {
  const openai = openaiFamily(inbound)
  return {
    decodeRequest: openai.decodeRequest,
    encodeResponse: (response, options) => withStopReasons(inbound.encodeResponse(response, options)),
    encodeStream: onFrames(inbound.encodeStream, ({ data }) => {
      const event = parseObject(data)
      return event ? JSON.stringify(withStopReasons(event)) : data
    }),
  }
}

function withStopReasons(body: JsonObject): JsonObject {
  if (!Array.isArray(body.choices)) return body
  const choices = body.choices.filter(isObject).map((choice) => ({
    ...choice,
    ...(isObject(choice.delta) && { message: { role: 'assistant', ...choice.delta } }),
    stop_reason: choice.finish_reason ?? null,
  }))
  return { ...body, choices }
}

function answersIn(inbound: Inbound, write?: (frame: Frame) => string): Pick<Family, 'encodeResponse' | 'encodeStream'> {
  const { encodeResponse, encodeStream } = inbound
  return { encodeResponse, encodeStream: write ? onFrames(encodeStream, write) : encodeStream }
}

function onFrames(fold: Fold<StreamPart, Frame>, write: (frame: Frame) => string): Fold<StreamPart, Frame> {
  const changed = (out: Sink<Frame>): Sink<Frame> => redirected(out, (frame: Frame) => out.push({ data: write(frame) }))
  return {
    start: (options) => fold.start(options),
    step: (state, part, out) => fold.step(state, part, changed(out)),
    end: (state, out, error) => fold.end(state, changed(out), error),
  }
}

function withCorner({ request, ...rest }: DecodedRequest, corner: JsonObject): DecodedRequest {
  return { request: { ...request, extra: { ...request.extra, [NAME]: corner } }, ...rest }
}
