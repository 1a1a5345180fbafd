import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BINARY_FAULTS } from '../../bench/upstream/faults-binary.ts'
import { faultBench, WAYS } from '../helpers/faults.ts'
import { bedrockConverse } from '../matrix/clients/bedrock-converse.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'
import { CLIENTS } from '../matrix/matrix.ts'

const NAMES = Object.keys(BINARY_FAULTS)
const LATE = NAMES.filter((name) => !name.endsWith('-first'))

let places: MatrixGateway
beforeAll(async () => {
  places = await startMatrixGateway()
})
afterAll(() => places.close())

/** What the first good messages of a spoilt stream say. */
const BEGINNING = 'Hello! I am'

describe.each(CLIENTS.map((make) => [make.name, make] as const))('23 the official client of %s', (_, make) => {
  it('is told of every spoilt message, and of nothing that came after it', async () => {
    const client = make(places)
    for (const fault of NAMES) {
      const told = await client.ask({ model: `bedrock/fault-${fault}`, text: 'hi' }, true)
      const isMidStream = LATE.includes(fault)
      expect([fault, told.error]).toMatchObject([fault, { isMidStream }])
      // Whoever puts the message together himself throws what he has away.
      if (told.text !== '') expect([fault, told.text.trimEnd()]).toEqual([fault, BEGINNING])
      expect([fault, told.calls, told.usage]).toEqual([fault, [], undefined])
      if (!isMidStream) expect([fault, told.error?.status]).toEqual([fault, 502])
    }
    client.close?.()
  })
})

it('23 AWS’s own client gets an exception of the API, not bytes that its codec stumbles over', async () => {
  const client = bedrockConverse(places)
  for (const fault of LATE) {
    const { error } = await client.ask({ model: `bedrock/fault-${fault}`, text: 'hi' }, true)
    expect([fault, error?.message]).toEqual([fault, expect.stringMatching(/Exception: .*provider bedrock/)])
  }
  client.close?.()
})

it('23 nothing is left of any of them', async () => {
  const { runtime } = places.gateway.core
  const { inFlight } = runtime.shared
  expect([...runtime.tables.providers.values()].map(({ slot }) => inFlight.count(slot))).toEqual(Array(6).fill(0))
  expect(runtime.upstream.stats().busy).toBe(0)
})

describe.each(WAYS.filter(({ side, stream }) => side === 'bedrock' && stream))('23 in the pool', (way) => {
  it('a spoilt message is the same error', async () => {
    const bench = await faultBench({ pooled: true, stepMs: 1 })
    for (const fault of LATE) {
      const verdict = await bench.ask(way, `fault-${fault}`)
      expect([fault, verdict.text, verdict.isMidStream, verdict.type]).toEqual([
        fault,
        undefined,
        true,
        expect.stringMatching(/^upstream_/),
      ])
      await bench.settled()
    }
  })
})
