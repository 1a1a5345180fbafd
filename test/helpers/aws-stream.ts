import { encodeAwsFrame } from '../../core/stream/framing-aws.ts'

/**
 * An AWS event stream from text, one message a line: its type and its JSON (`messageStop {"stopReason":"end_turn"}`). A type
 * that ends in `Exception` makes an exception.
 */
export function awsStream(text: string): Uint8Array {
  return Buffer.concat(
    awsFrames(text).map(({ event, data }) => encodeAwsFrame({ event, data }, event.endsWith('Exception') ? 'exception' : 'event')),
  )
}

/** The same text as frames. */
export function awsFrames(text: string): { event: string; data: string }[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const space = line.indexOf(' ')
      return { event: line.slice(0, space), data: line.slice(space + 1) }
    })
}
