import type { StreamPart } from '../../../core/canonical/chat.ts'
import { parseObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame } from '../../../core/format.ts'
import { encodeErrorFrame } from '../shared/aws-exceptions.ts'

/** An event of the model's dialect as a chunk: its data as bytes. */
export function wrap({ data }: Frame): Frame {
  return { event: 'chunk', data: `{"bytes":"${Buffer.from(data).toString('base64')}"}` }
}

/** The event that a chunk holds, named by its type; undefined where it holds none. */
export function unwrap({ data }: Frame): Frame | undefined {
  const bytes = parseObject(data)?.bytes
  if (typeof bytes !== 'string') return undefined
  const inner = Buffer.from(bytes, 'base64').toString()
  const type = parseObject(inner)?.type
  return { data: inner, ...(typeof type === 'string' && { event: type }) }
}

/** The events of the model's dialect as chunks; a failure is an exception in place of that dialect's own error event. */
export function wrapStream(inner: Fold<StreamPart, Frame>): Fold<StreamPart, Frame> {
  return {
    start: (options) => inner.start(options),
    step: (state, part, out) => inner.step(state, part, chunked(out, wrap)),
    end(state, out, error) {
      const failure = error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL')
      inner.end(state, chunked(out, error ? () => encodeErrorFrame(failure) : wrap), error)
    },
  }
}

function chunked(out: Sink<Frame>, change: (frame: Frame) => Frame): Sink<Frame> {
  return {
    push: (frame) => out.push(change(frame)),
    end: (reason) => out.end(reason),
    refuse: (error) => out.refuse(error),
    wake: (at) => out.wake(at),
  }
}
