import { describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, StreamPart } from '../../core/canonical/chat.ts'
import { foldParts } from '../../core/canonical/collect.ts'
import { explode } from '../../core/canonical/explode.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Format, Frame, Inbound, NamedByPath, Outbound } from '../../core/format.ts'
import { type Maker, weave } from '../helpers/canonical.ts'
import { expectOrder, framesOf, REPLY, runFold, splits } from './format.ts'

/** Values of a format: what it can carry, made from a seed. */
export interface Made {
  request(): ChatRequest
  response(): ChatResponse
}

/** How the properties of a format are shown. */
export interface Properties {
  format: Format
  make: (seed: number) => Maker & Made
  /** How many seeds. */
  runs?: number
  /** Of dialects whose path says the model. */
  named?: NamedByPath
  /** What a format leaves out of a request by rule. */
  carried?: (request: ChatRequest) => ChatRequest
  /** What a format keeps of parts that came side by side, where it has no order between them. */
  kept?: (response: ChatResponse) => ChatResponse
}

/** decode(encode(x)) = x, whole and streamed, for what a format can carry: in random pieces, and with parts that overlap. */
export function formatProperties({ format, make, runs = 100, named, carried = same, kept = same }: Properties): void {
  const outbound = format.outbound as Outbound
  const inbound = format.inbound as Inbound
  const seeds = Array.from({ length: runs }, (_, seed) => seed)
  const read = (parts: StreamPart[], seed: number): ChatResponse => {
    const frames = runFold(inbound.encodeStream, parts, REPLY).out
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytesOf(frames), splits(seed + 1, 40)), {})
    expect(error).toBeUndefined()
    expectOrder(out)
    return foldParts(out)
  }

  describe(`what ${format.name} can carry`, () => {
    test.each(seeds)('a request reads as what was written (seed %i)', (seed) => {
      const request = make(seed).request()
      const sent = plain(outbound.encodeRequest(request, {}).body)
      const again = inbound.decodeRequest(sent, named && { ...named, stream: request.stream }).request
      expect(again).toEqual(carried(request))
      expect(plain(outbound.encodeRequest(again, {}).body)).toEqual(sent)
    })

    test.each(seeds)('a whole answer reads as what was written (seed %i)', (seed) => {
      const response = make(seed).response()
      expect(outbound.decodeResponse(plain(inbound.encodeResponse(response, REPLY)))).toEqual(response)
    })

    test.each(seeds)('a stream reads as what was written, however it is cut (seed %i)', (seed) => {
      const response = make(seed).response()
      expect(read(explode(response), seed)).toEqual(response)
    })

    test.each(seeds)('parts that come side by side read as what was written (seed %i)', (seed) => {
      const maker = make(seed)
      const response = maker.response()
      const woven = weave(response, maker)
      expect(foldParts(woven)).toEqual(response)
      expect(kept(read(woven, seed))).toEqual(kept(response))
    })
  })
}

function same<Value>(value: Value): Value {
  return value
}

function bytesOf(frames: readonly Frame[]): Uint8Array {
  return Buffer.from(frames.map(({ event, data }) => `${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`).join(''))
}

function plain(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
