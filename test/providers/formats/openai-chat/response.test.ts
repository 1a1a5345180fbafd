import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { GatewayError } from '../../../../core/errors.ts'
import { decodeResponse, encodeResponse } from '../../../../providers/formats/openai-chat/response.ts'
import { decodeError, encodeError, encodeErrorFrame } from '../../../../providers/formats/shared/openai-error.ts'
import { REPLY } from '../../../conformance/format.ts'

const answer = (message: JsonObject, rest: JsonObject = {}): JsonObject => ({
  id: 'c',
  model: 'm',
  choices: [{ index: 0, message, finish_reason: 'stop' }],
  ...rest,
})

describe('decodeResponse', () => {
  it('refuses an error with status 200 by the status it names', () => {
    const failure = thrown(() => decodeResponse({ error: { message: 'no such model', code: 404 } }))
    expect([failure.code, failure.status, failure.detail.upstream?.message]).toEqual(['GW_UPSTREAM_ERROR', 404, 'no such model'])
  })

  it('refuses what is no answer', () => {
    expect(thrown(() => decodeResponse({ hello: 1 })).code).toBe('GW_UPSTREAM_INVALID')
    expect(thrown(() => decodeResponse({ ...answer({}), choices: [] })).code).toBe('GW_UPSTREAM_INVALID')
  })

  it('keeps what it does not know and gives it back', () => {
    const body = answer(
      { role: 'assistant', content: 'A', mood: 'good' },
      { citations: ['https://e.com'], search_results: [{ url: 'https://e.com' }] },
    )
    const response = decodeResponse(body)
    expect(response.extra).toEqual({ 'openai-chat': { citations: ['https://e.com'], search_results: [{ url: 'https://e.com' }] } })
    const written = encodeResponse(response, REPLY)
    expect(written).toMatchObject({ citations: ['https://e.com'], created: REPLY.created, object: 'chat.completion' })
    expect((written.choices as JsonObject[])[0]?.message).toMatchObject({ mood: 'good', content: 'A', role: 'assistant' })
  })

  it.each([
    ['anthropic-claude-v1', 'anthropic', undefined],
    ['openai-responses-v1', 'openai', undefined],
    ['google-gemini-v1', 'google', undefined],
    ['anthropic-claude-v2', 'anthropic', { 'openai-chat': { format: 'anthropic-claude-v2' } }],
    ['unknown', undefined, { 'openai-chat': { format: 'unknown' } }],
    [undefined, undefined, undefined],
  ])('a thought signed in the format %s comes from %s, and goes back as it came', (format, signedBy, extra) => {
    const detail = { index: 0, type: 'reasoning.text', ...(format && { format }), text: 'Hm', signature: 's' }
    const response = decodeResponse(answer({ role: 'assistant', content: 'A', reasoning_details: [detail] }))
    const thought = { type: 'reasoning', text: 'Hm', signature: 's', ...(signedBy && { signedBy }), ...(extra && { extra }) }
    expect(response.choices[0]?.parts[0]).toEqual(thought)
    const [choice] = encodeResponse(response, REPLY).choices as { message: JsonObject }[]
    expect(choice?.message.reasoning_details).toEqual([detail])
  })

  it('joins the pieces of a thought, and whoever signed the last of them signed it', () => {
    const pieces = [{ text: 'H' }, { text: 'm', signature: 's', format: 'anthropic-claude-v1' }]
    const details = pieces.map((piece) => ({ index: 0, type: 'reasoning.text', ...piece }))
    expect(decodeResponse(answer({ content: 'A', reasoning_details: details })).choices[0]?.parts[0]).toEqual({
      type: 'reasoning',
      text: 'Hm',
      signature: 's',
      signedBy: 'anthropic',
    })
  })

  it('keeps sound and pictures', () => {
    const audio = { id: 'a', data: 'AAAA', transcript: 'Hi', expires_at: 9 }
    const images = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]
    const response = decodeResponse(answer({ content: null, audio, images }))
    expect(response.choices[0]?.parts.map((part) => part.type)).toEqual(['audio', 'image'])
    expect((encodeResponse(response, REPLY).choices as JsonObject[])[0]?.message).toMatchObject({ audio, images })
  })

  it('writes a call without arguments as `{}`, and leaves out calls that the provider ran', () => {
    const parts = [
      { type: 'tool-call' as const, id: 'a', name: 'f', arguments: '' },
      { type: 'tool-call' as const, id: 'b', name: 'web_search', arguments: '{}', kind: 'server' as const },
    ]
    const written = encodeResponse({ id: '', model: '', choices: [{ index: 0, parts, stop: { reason: 'tool-calls' } }] }, REPLY)
    expect(written).toMatchObject({ id: REPLY.id, model: REPLY.model })
    expect((written.choices as { message: JsonObject }[])[0]?.message.tool_calls).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
    ])
  })
})

describe('decodeError', () => {
  it.each<[unknown, object]>([
    [{ error: { message: 'm', type: 't', code: 400, param: 'p' } }, { message: 'm', type: 't', code: '400', param: 'p' }],
    [{ error: 'text' }, { message: 'text' }],
    [
      { object: 'error', message: 'm', type: 'BadRequestError', code: 400 },
      { message: 'm', type: 'BadRequestError', code: '400' },
    ],
    [{ detail: 'Not Found' }, { message: 'Not Found' }],
    [{ detail: [{ loc: ['body'], msg: 'field required' }] }, { message: 'field required' }],
    [[{ error: { message: 'm', code: 400, status: 'INVALID_ARGUMENT' } }], { message: 'm', code: '400', type: 'INVALID_ARGUMENT' }],
    ['upstream connect error', { message: 'provider API error: upstream connect error' }],
    ['<!DOCTYPE html><html></html>', { message: 'the provider answered with a page instead of JSON' }],
    ['', { message: 'the provider gave no reason' }],
    [undefined, { message: 'the provider gave no reason' }],
    [null, { message: 'the provider gave no reason' }],
  ])('%j', (body, wanted) => {
    expect(decodeError(body as JsonObject)).toEqual(wanted)
  })
})

describe('encodeError', () => {
  it('writes the provider its own words', () => {
    const upstream = { message: 'slow down', type: 'tokens', code: 'rate_limit_exceeded' }
    const error = new GatewayError('GW_UPSTREAM_ERROR', {
      provider: 'openai',
      status: 429,
      upstream,
      originalModel: 'a',
      resolvedModel: 'b',
      requestType: 'chat_completion',
    })
    expect(encodeError(error)).toEqual({
      is_bifrost_error: false,
      status_code: 429,
      error: upstream,
      extra_fields: { provider: 'openai', original_model_requested: 'a', resolved_model_used: 'b', request_type: 'chat_completion' },
    })
  })

  it('writes its own errors with type and code', () => {
    const error = new GatewayError('GW_INVALID_REQUEST', {
      param: 'n',
      reason: 'must be a whole number',
      dropped: [],
      keyStatuses: [{ key: 'k', status: 401, reason: 'no' }],
    })
    expect(encodeError(error)).toEqual({
      type: 'invalid_request_error',
      is_bifrost_error: false,
      status_code: 400,
      error: { type: 'invalid_request_error', code: 'invalid_request_error', message: 'n: must be a whole number', param: 'n' },
      extra_fields: { key_statuses: [{ key: 'k', status: 401, reason: 'no' }] },
    })
    expect(JSON.parse(encodeErrorFrame(error).data)).toEqual(encodeError(error))
  })
})

function thrown(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
