import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64Of, type EmbedRequest, type EmbedResponse, floatsOf } from '../../../../core/canonical/embed.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Inbound, Outbound, ReplyOptions } from '../../../../core/format.ts'
import { formats } from '../../../../providers/formats/index.ts'

const REPLY: ReplyOptions = { id: 'gw-1', created: 1, model: 'm' }
const plain = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const words = fc.string({ unit: 'grapheme', minLength: 1 })
const text = words.map((each) => ({ type: 'text' as const, text: each }))
const texts = fc.array(text, { minLength: 1, maxLength: 5 })
const titled = fc.array(
  fc.record({ type: fc.constant('text' as const), text: words, title: maybe(words) }).map((each) => withoutUndefined(each)),
  { minLength: 1, maxLength: 5 },
)
const tokens = fc.array(fc.record({ type: fc.constant('tokens' as const), tokens: fc.array(fc.nat(), { minLength: 1 }) }), {
  minLength: 1,
  maxLength: 5,
})
const dimensions = maybe(fc.integer({ min: 1, max: 4096 }))
const purposes = ['query', 'document', 'classification', 'clustering'] as const
const everyPurpose = [...purposes, 'similarity', 'question', 'fact', 'code'] as const
const types = <T>(...each: T[]) => fc.uniqueArray(fc.constantFrom(...each), { minLength: 1 })

/** Requests that each dialect can carry whole. */
const REQUESTS: Readonly<Record<string, { model: string; request: fc.Arbitrary<Partial<EmbedRequest>> }>> = {
  'openai-embeddings': {
    model: 'm',
    request: fc.record({
      inputs: fc.oneof(texts, tokens),
      dimensions,
      types: maybe(fc.constantFrom(['float' as const], ['base64' as const])),
      user: maybe(fc.string()),
    }),
  },
  'cohere-embed': {
    model: 'm',
    request: fc.record({
      inputs: texts,
      dimensions,
      types: types('int8' as const, 'uint8' as const, 'binary' as const, 'ubinary' as const).map((some) => ['float' as const, ...some]),
      purpose: fc.constantFrom(...purposes),
      truncate: maybe(fc.constantFrom('none' as const, 'start' as const, 'end' as const)),
    }),
  },
  'gemini-embed': { model: 'm', request: fc.record({ inputs: titled, dimensions, purpose: maybe(fc.constantFrom(...everyPurpose)) }) },
  'vertex-embed': {
    model: 'm',
    request: fc.record({
      inputs: titled,
      dimensions,
      purpose: maybe(fc.constantFrom(...everyPurpose)),
      truncate: maybe(fc.constantFrom('none' as const, 'end' as const)),
    }),
  },
  'bedrock-embed': {
    model: 'amazon.titan-embed-text-v2:0',
    request: fc.record({
      inputs: text.map((each) => [each]),
      dimensions,
      normalize: maybe(fc.boolean()),
      types: maybe(fc.constantFrom(['float' as const, 'binary' as const], ['binary' as const])),
    }),
  },
  'bedrock-embed of Nova': {
    model: 'amazon.nova-2-multimodal-embeddings-v1:0',
    request: fc.record({
      inputs: text.map((each) => [each]),
      dimensions,
      purpose: fc.constantFrom(...purposes),
      truncate: fc.constantFrom('none' as const, 'start' as const, 'end' as const),
    }),
  },
}

const vectors = fc.array(
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  { minLength: 1, maxLength: 6 },
)
const response: fc.Arbitrary<EmbedResponse> = fc.record({
  kind: fc.constant('embedding' as const),
  model: fc.constant('m'),
  embeddings: fc.array(fc.record({ float: vectors }), { minLength: 1, maxLength: 4 }),
})

describe.each(Object.entries(REQUESTS))('%s', (name, { model, request }) => {
  const { inbound, outbound } = formats.find((format) => format.name === name.split(' ')[0]) as { inbound: Inbound; outbound: Outbound }

  test('a request that is encoded and decoded is the same', () => {
    fc.assert(
      fc.property(request, (some) => {
        const asked = withoutUndefined({ model, ...some })
        const encoded = outbound.encodeRequest(asked as never, {})
        expect(encoded.dropped).toBeUndefined()
        const named = { model, ...(encoded.method && { method: encoded.method }) }
        expect(plain(inbound.decodeRequest(plain(encoded.body), named).request)).toEqual(plain(asked))
      }),
    )
  })

  test('so is an answer', () => {
    fc.assert(
      fc.property(response, (some) => {
        const isBedrock = name.startsWith('bedrock-embed')
        const one = isBedrock ? { ...some, embeddings: some.embeddings.slice(0, 1) } : some
        const carry = isBedrock ? { family: name.endsWith('Nova') ? 'nova' : 'titan' } : { isBatch: true }
        const written = plain(inbound.encodeResponse(one as never, { ...REPLY, carry }))
        const read = outbound.decodeResponse(written) as unknown as EmbedResponse
        expect(plain(read.embeddings)).toEqual(plain(one.embeddings))
      }),
    )
  })
})

test('floats of 32 bits come back from base64', () => {
  fc.assert(
    fc.property(vectors, (float) => {
      const base64 = base64Of({ float })
      expect(floatsOf({ base64 })).toEqual(float)
      expect(base64Of({ base64 })).toBe(base64)
    }),
  )
})
