import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { RerankResponse } from '../../../../core/canonical/rerank.ts'
import type { Inbound, Outbound } from '../../../../core/format.ts'
import { formats } from '../../../../providers/formats/index.ts'

const plain = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const words = fc.string({ unit: 'grapheme', minLength: 1 }).filter((each) => each.trim() !== '')
const documents = fc.array(
  words.map((text) => ({ text })),
  { minLength: 1, maxLength: 6 },
)
const shared = { query: words, documents, topN: maybe(fc.constant(1)) }
const limits = { maxTokensPerDocument: maybe(fc.integer({ min: 1 })), priority: maybe(fc.nat()) }

const REQUESTS: Readonly<Record<string, fc.Arbitrary<object>>> = {
  rerank: fc.record({ ...shared, ...limits, returnDocuments: maybe(fc.boolean()) }),
  'cohere-rerank': fc.record({ ...shared, ...limits }),
  'bedrock-rerank': fc.record(shared),
  // Records are numbered.
  'vertex-rank': fc
    .record(shared)
    .map((some) => ({ ...some, documents: some.documents.map(({ text }, id) => ({ text, id: String(id) })) })),
}
const results = fc.array(
  fc.record({ index: fc.nat({ max: 200 }), score: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) }),
)

describe.each(Object.entries(REQUESTS))('%s', (name, request) => {
  const { inbound, outbound } = formats.find((format) => format.name === name) as { inbound: Inbound; outbound: Outbound }

  test('a request that is encoded and decoded is the same', () => {
    fc.assert(
      fc.property(request, (some) => {
        const asked = withoutUndefined({ model: 'm', ...some })
        const { body, dropped } = outbound.encodeRequest(asked as never, {})
        expect(dropped).toBeUndefined()
        expect(plain(inbound.decodeRequest(plain(body)).request)).toEqual(plain(asked))
      }),
    )
  })

  test('so is an answer', () => {
    fc.assert(
      fc.property(results, (some) => {
        const answer = { kind: 'rerank', model: 'm', results: some }
        const written = plain(inbound.encodeResponse(answer as never, { id: 'gw-1', created: 1, model: 'm' }))
        expect(plain((outbound.decodeResponse(written) as unknown as RerankResponse).results)).toEqual(plain(some))
      }),
    )
  })
})
