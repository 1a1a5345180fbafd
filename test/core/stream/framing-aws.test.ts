import { crc32 } from 'node:zlib'
import { EventStreamCodec, type MessageHeaders } from '@smithy/eventstream-codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GatewayError } from '../../../core/errors.ts'
import type { Frame } from '../../../core/format.ts'
import { type AwsState, awsEventStream, encodeAwsFrame, encodeAwsMessage } from '../../../core/stream/framing-aws.ts'

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
  (text) => Buffer.from(text),
)

interface Decoded {
  frames: Frame[]
  code: string | undefined
  state: AwsState
}

/** Decodes reads that are lent: each is overwritten once `step` has returned, as a socket's buffer is. */
function decodeReads(reads: readonly Uint8Array[], finish = true): Decoded {
  const frames: Frame[] = []
  let code: string | undefined
  const sink = {
    push: (frame: Frame) => void frames.push(frame),
    end() {},
    refuse: (error: Error) => {
      code ??= (error as GatewayError).code
    },
    wake() {},
  }
  let state = awsEventStream.start()
  for (const read of reads) {
    const lent = Buffer.from(read)
    awsEventStream.step(state, lent, sink)
    lent.fill(0x58)
    if (code) return { frames, code, state }
    state = structuredClone(state)
  }
  if (finish) awsEventStream.end(state, sink)
  return { frames, code, state }
}

/** The bytes cut at each of the places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end))
}

/** Writes both checksums again, after a change. */
function sealed(message: Uint8Array): Uint8Array {
  const bytes = Buffer.from(message)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}

/** A prelude that says these lengths, with a right checksum. */
function prelude(length: number, headers: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(length, 0)
  bytes.writeUInt32BE(headers, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  return bytes
}

const FRAMES: Frame[] = [
  { event: 'messageStart', data: '{"role":"assistant"}' },
  { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"Grüße 👩‍👩‍👧‍👦 你好"},"p":"abc"}' },
  { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":" b"},"p":"abcdef"}' },
  { event: 'contentBlockStop', data: '{"contentBlockIndex":0}' },
  { event: 'metadata', data: '' },
]
const STREAM = Buffer.concat(FRAMES.map((frame) => encodeAwsFrame(frame)))

describe('AWS event streams', () => {
  test('the published vectors', () => {
    const plain = Buffer.from([0, 0, 0, 30, 0, 0, 0, 0, 186, 242, 246, 138, ...Buffer.from('{"foo": "bar"}'), 174, 114, 88, 228])
    expect(Buffer.from(encodeAwsMessage({}, '{"foo": "bar"}'))).toEqual(plain)
    expect(decodeReads([plain]).frames).toEqual([{ event: undefined, data: '{"foo": "bar"}' }])
    const start = encodeAwsMessage(
      { ':event-type': 'messageStart', ':content-type': 'application/json', ':message-type': 'event' },
      '{"role":"assistant"}',
    )
    expect(Buffer.from(start.subarray(0, 12)).toString('hex')).toBe('000000760000005296d5fade')
    expect(Buffer.from(start.subarray(-4)).toString('hex')).toBe('6fa8c599')
  })

  test('byte by byte and split at every single place', () => {
    expect(decodeReads(Array.from(STREAM, (_, at) => STREAM.subarray(at, at + 1))).frames).toEqual(FRAMES)
    for (let at = 0; at <= STREAM.length; at++) {
      expect(decodeReads([STREAM.subarray(0, at), STREAM.subarray(at)]).frames).toEqual(FRAMES)
    }
  })

  test('any frames, split anywhere, with the state cloned between reads', () => {
    const frame = fc.record({ event: fc.string({ unit: 'binary', maxLength: 20 }), data: fc.string({ unit: 'binary', maxLength: 60 }) })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, places) => {
        const bytes = Buffer.concat(frames.map((each) => encodeAwsFrame(each)))
        const { frames: decoded, code } = decodeReads(cutAt(bytes, places))
        expect(code).toBeUndefined()
        expect(decoded).toEqual(frames.map(({ event, data }) => ({ event: utf8Of(event), data: utf8Of(data) })))
      }),
    )
  })

  test('exceptions and errors carry their type in place of the event', () => {
    const reads = [
      encodeAwsFrame({ event: 'throttlingException', data: '{"message":"slow"}' }, 'exception'),
      encodeAwsFrame({ event: 'InternalFailure', data: 'it "broke"' }, 'error'),
      encodeAwsMessage({ ':message-type': 'exception' }, '{}'),
      encodeAwsMessage({ ':message-type': 'error' }, ''),
    ]
    expect(decodeReads(reads).frames).toEqual([
      { event: 'throttlingException', data: '{"message":"slow"}' },
      { event: 'InternalFailure', data: '{"message":"it \\"broke\\""}' },
      { event: 'exception', data: '{}' },
      { event: 'error', data: '{"message":""}' },
    ])
  })

  test('an exception with the headers of the event before it is still one', () => {
    const event = encodeAwsMessage({ ':message-type': 'event', ':event-type': 'a' }, '1')
    const exception = encodeAwsMessage({ ':message-type': 'exception', ':exception-type': 'b' }, '2')
    expect(decodeReads([event, exception, event, encodeAwsMessage({}, '3')]).frames.map((frame) => frame.event)).toEqual([
      'a',
      'b',
      'a',
      undefined,
    ])
  })
})

describe('what AWS own codec writes', () => {
  const value: fc.Arbitrary<MessageHeaders[string]> = fc.oneof(
    fc.boolean().map((flag) => ({ type: 'boolean', value: flag }) as const),
    fc.integer({ min: -128, max: 127 }).map((number) => ({ type: 'byte', value: number }) as const),
    fc.integer({ min: -32768, max: 32767 }).map((number) => ({ type: 'short', value: number }) as const),
    fc.integer().map((number) => ({ type: 'integer', value: number }) as const),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ type: 'binary', value: bytes }) as const),
    fc.string({ maxLength: 40 }).map((text) => ({ type: 'string', value: text }) as const),
    fc.date({ noInvalidDate: true }).map((date) => ({ type: 'timestamp', value: date }) as const),
    fc.uuid().map((uuid) => ({ type: 'uuid', value: uuid }) as const),
  )

  test('is read, whatever headers stand around the type', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), value), fc.string(), fc.string(), (headers, event, payload) => {
        const type = { ':event-type': { type: 'string', value: event } } as const
        for (const order of [
          { ...headers, ...type },
          { ...type, ...headers },
        ]) {
          const bytes = codec.encode({ headers: order, body: Buffer.from(payload) })
          expect(decodeReads([bytes])).toMatchObject({ frames: [{ event, data: payload }], code: undefined })
        }
      }),
    )
  })

  test('is what ours writes', () => {
    fc.assert(
      fc.property(
        // AWS's codec keeps headers in an object, which loses that name.
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name !== '__proto__'),
          fc.string({ maxLength: 50 }),
        ),
        fc.string(),
        (headers, payload) => {
          const { headers: read, body } = codec.decode(encodeAwsMessage(headers, payload))
          expect(Object.entries(read).map(([name, header]) => [name, header.value])).toEqual(Object.entries(headers))
          expect(Buffer.from(body).toString()).toBe(payload)
        },
      ),
    )
  })

  test('and what it refuses, ours refuses', () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.integer({ min: 1, max: 255 }), (place, flip) => {
        const bytes = Buffer.from(encodeAwsFrame(FRAMES[1] as Frame))
        const at = place % bytes.length
        bytes[at] = (bytes[at] as number) ^ flip
        expect(() => codec.decode(bytes)).toThrow()
        expect(decodeReads([bytes])).toMatchObject({
          frames: [],
          code: expect.stringMatching(/^GW_UPSTREAM_(INVALID|TRUNCATED|TOO_LARGE)$/),
        })
      }),
    )
  })
})

describe('malformed streams', () => {
  const message = encodeAwsFrame(FRAMES[0] as Frame)
  const withHeader = (...bytes: number[]) => {
    const built = Buffer.concat([prelude(16 + bytes.length, bytes.length), Buffer.from(bytes), Buffer.alloc(4)])
    return sealed(built)
  }
  const changed = (at: number, by: number) => {
    const bytes = Buffer.from(message)
    bytes[at < 0 ? bytes.length + at : at] = ((bytes.at(at) as number) + by) & 0xff
    return bytes
  }

  test.each<[string, Uint8Array, string]>([
    ['a checksum of the prelude that is wrong', changed(9, 1), 'GW_UPSTREAM_INVALID'],
    ['a checksum of the message that is wrong', changed(-1, 1), 'GW_UPSTREAM_INVALID'],
    ['a payload that was changed', changed(-8, 1), 'GW_UPSTREAM_INVALID'],
    ['a length of 4 GB', prelude(0xffffffff, 0), 'GW_UPSTREAM_TOO_LARGE'],
    ['a length over the limit', prelude(8 * 1024 * 1024 + 1, 0), 'GW_UPSTREAM_TOO_LARGE'],
    ['a length below the least', prelude(15, 0), 'GW_UPSTREAM_INVALID'],
    ['a length of nothing', prelude(0, 0), 'GW_UPSTREAM_INVALID'],
    ['headers longer than the message', prelude(100, 85), 'GW_UPSTREAM_INVALID'],
    ['headers of 4 GB', prelude(100, 0xffffffff), 'GW_UPSTREAM_INVALID'],
    ['text instead', Buffer.from('{"message":"not a stream"}'), 'GW_UPSTREAM_INVALID'],
    ['server-sent events', Buffer.from('data: {"a":1}\n\n'), 'GW_UPSTREAM_INVALID'],
    ['a header of unknown type', withHeader(1, 0x61, 10), 'GW_UPSTREAM_INVALID'],
    ['a header whose name ends beyond the headers', withHeader(9, 0x61), 'GW_UPSTREAM_INVALID'],
    ['a header without a type', withHeader(1, 0x61), 'GW_UPSTREAM_INVALID'],
    ['a header whose text ends beyond the headers', withHeader(1, 0x61, 7, 0xff, 0xff, 0x61), 'GW_UPSTREAM_INVALID'],
    ['a header whose length is cut', withHeader(1, 0x61, 7, 0), 'GW_UPSTREAM_INVALID'],
    ['a header whose number is cut', withHeader(1, 0x61, 5, 0, 0), 'GW_UPSTREAM_INVALID'],
  ])('%s', (_, bytes, code) => {
    expect(decodeReads([bytes], false)).toMatchObject({ frames: [], code })
    expect(decodeReads([message, ...cutAt(bytes, [5])], false)).toMatchObject({ frames: [FRAMES[0]], code })
  })

  test('a stream that ends inside a message is truncated, wherever that is', () => {
    for (let at = 1; at < message.length; at++) {
      expect(decodeReads([message, message.subarray(0, at)])).toMatchObject({ frames: [FRAMES[0]], code: 'GW_UPSTREAM_TRUNCATED' })
    }
  })

  test('one that was lost says nothing more', () => {
    const refused: Error[] = []
    const state = decodeReads([message.subarray(0, 40)], false).state
    awsEventStream.end(state, { push() {}, end() {}, refuse: (error) => void refused.push(error), wake() {} }, new Error('lost'))
    expect(refused).toEqual([])
  })

  test('an announced length is not gathered before it is believed', () => {
    expect(decodeReads([prelude(0x7fffffff, 0), Buffer.alloc(64)], false)).toMatchObject({ code: 'GW_UPSTREAM_TOO_LARGE' })
    expect(decodeReads([prelude(0x7fffffff, 0).subarray(0, 11)], false).state.pendingBytes).toBe(11)
  })

  test('a message of exactly the limit passes', () => {
    const payload = 'x'.repeat(8 * 1024 * 1024 - 16)
    const { frames, code } = decodeReads(cutAt(encodeAwsMessage({}, payload), [1, 13, 70_000, 5_000_000]))
    expect(code).toBeUndefined()
    expect(frames[0]?.data.length).toBe(payload.length)
  })

  test('random bytes and single flipped bits never pass for an event, and never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(), { maxLength: 4 }), (bytes, places) => {
        const { frames, code } = decodeReads(cutAt(bytes, places))
        expect(frames).toEqual([])
        if (bytes.length > 0) expect(code).toMatch(/^GW_UPSTREAM_(INVALID|TRUNCATED|TOO_LARGE)$/)
      }),
    )
    for (let bit = 0; bit < message.length * 8; bit++) {
      const flipped = Buffer.from(message)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(decodeReads([flipped])).toMatchObject({ frames: [], code: expect.stringMatching(/^GW_UPSTREAM_/) })
    }
  })
})

/** What a text is once it has been bytes: a lone surrogate is none. */
function utf8Of(text: string): string {
  return Buffer.from(text).toString('utf8')
}
