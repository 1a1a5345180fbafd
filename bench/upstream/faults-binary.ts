import { crc32 } from 'node:zlib'
import { type Answer, type Ask, begun, eventsOf, streamed, upToContent } from './answers.ts'
import type { StreamEvent } from './dialect.ts'
import type { Step } from './script.ts'
import { chunk, head, JSON_TYPE, LAST_CHUNK, toBuffer } from './wire.ts'

/** Events that go out before a message is wrong. */
const BEFORE = 3

/** Good events, then one message as `spoil` leaves it, then the end of the body. */
function spoilt(ask: Ask, spoil: (message: Buffer) => Buffer): Step[] {
  const events = eventsOf(ask)
  const before = upToContent(events, BEFORE)
  const next = events[before.length] as StreamEvent
  const message = spoil(Buffer.from(toBuffer(next.bytes ?? '')))
  return [{ write: Buffer.concat([begun(before), chunk(message), LAST_CHUNK]) }]
}

/** Streams of text have no such messages: they stay good. */
function ifBinary(answer: Answer): Answer {
  return (ask) => {
    const events = eventsOf(ask)
    return events[0]?.bytes ? answer(ask) : streamed(events)
  }
}

function flipped(message: Buffer, at: number): Buffer {
  message[at] = (message[at] as number) ^ 0xff
  return message
}

/** The same with the very first message. */
function spoiltFirst(ask: Ask, spoil: (message: Buffer) => Buffer): Step[] {
  const [first, ...rest] = eventsOf(ask) as [StreamEvent, ...StreamEvent[]]
  const message = spoil(Buffer.from(toBuffer(first.bytes ?? '')))
  const good = rest.map((event) => chunk(event.bytes ?? ''))
  return [{ write: Buffer.concat([begun([first]).subarray(0, -chunk(first.bytes ?? '').length), chunk(message), ...good, LAST_CHUNK]) }]
}

/** A message that says other lengths, of itself and of its headers, with checksums that are right. */
function lying(message: Buffer, length: number, headers: number): Buffer {
  message.writeUInt32BE(length, 0)
  message.writeUInt32BE(headers, 4)
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8)
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4)
  return message
}

const SPOILS: Readonly<Record<string, (message: Buffer) => Buffer>> = {
  'crc-message': (message) => flipped(message, message.length - 1),
  'crc-prelude': (message) => flipped(message, 9),
  'length-4gb': (message) => Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), message.subarray(4)]),
  'length-4gb-sealed': (message) => lying(message, 0xffffffff, message.readUInt32BE(4)),
  'length-tiny': (message) => lying(message, 8, 0),
  'headers-beyond': (message) => lying(message, message.length, message.length),
  'message-cut': (message) => message.subarray(0, message.length - 6),
}

/** The pieces of an answer as one JSON array, where a dialect has that too; `keep` makes of its text, which lacks the last bracket, what goes out. */
function jsonArray(ask: Ask, keep: (text: string) => string): Step[] {
  const text = `[${eventsOf(ask)
    .map(({ data }) => data)
    .join(',\n')}`
  return [{ write: Buffer.concat([head(200, [JSON_TYPE, ['transfer-encoding', 'chunked']]), chunk(Buffer.from(keep(text))), LAST_CHUNK]) }]
}

/** Faults of answers that come as one JSON array. */
export const ARRAY_FAULTS: Readonly<Record<string, Answer>> = {
  array: (ask) => jsonArray(ask, (text) => `${text}]`),
  'array-open': (ask) => jsonArray(ask, (text) => text),
  'array-cut': (ask) => jsonArray(ask, (text) => text.slice(0, -40)),
  'array-garbage': (ask) => jsonArray(ask, (text) => `${text}}}]`),
}

/** Faults of binary messages: checksums, lengths, a message that is cut; `-first`: before anything good has come. */
export const BINARY_FAULTS: Readonly<Record<string, Answer>> = Object.fromEntries(
  Object.entries(SPOILS).flatMap(([name, spoil]): [string, Answer][] => [
    [name, ifBinary((ask) => spoilt(ask, spoil))],
    [`${name}-first`, ifBinary((ask) => spoiltFirst(ask, spoil))],
  ]),
)
