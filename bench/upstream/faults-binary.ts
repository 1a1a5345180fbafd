import { type Answer, type Ask, begun, eventsOf, upToContent } from './answers.ts'
import type { StreamEvent } from './dialect.ts'
import type { Step } from './script.ts'
import { chunk, LAST_CHUNK, toBuffer } from './wire.ts'

/** Events that go out before a message is wrong. */
const BEFORE = 3

/** Good events, then one message as `spoil` leaves it, then the end of the body. Streams of text stay as they are. */
function spoilt(ask: Ask, spoil: (message: Buffer) => Buffer): Step[] {
  const events = eventsOf(ask)
  const before = upToContent(events, BEFORE)
  const next = events[before.length] as StreamEvent
  const message = spoil(Buffer.from(toBuffer(next.bytes ?? '')))
  return [{ write: Buffer.concat([begun(before), chunk(message), LAST_CHUNK]) }]
}

function flipped(message: Buffer, at: number): Buffer {
  message[at] = (message[at] as number) ^ 0xff
  return message
}

/** Faults of binary messages: checksums, lengths, a message that is cut. */
export const BINARY_FAULTS: Readonly<Record<string, Answer>> = {
  'crc-message': (ask) => spoilt(ask, (message) => flipped(message, message.length - 1)),
  'crc-prelude': (ask) => spoilt(ask, (message) => flipped(message, 9)),
  'length-4gb': (ask) => spoilt(ask, (message) => Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), message.subarray(4)])),
  'message-cut': (ask) => spoilt(ask, (message) => message.subarray(0, message.length - 6)),
}
