import type { StreamPart } from '../../../core/canonical/chat.ts'
import { parseObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { encodeErrorFrame } from '../shared/aws-exceptions.ts'
import { redirected } from '../shared/sinks.ts'

/** The field of a stream's last chunk that tells what it cost. */
export const METRICS = 'amazon-bedrock-invocationMetrics'

/** An event of the model's dialect as a chunk: its data as bytes. */
export function wrap({ data }: Frame): Frame {
  return { event: 'chunk', data: `{"bytes":"${Buffer.from(data).toString('base64')}"}` }
}

/** The text that a chunk holds; undefined where it holds none. */
export function unwrap({ data }: Frame): string | undefined {
  const bytes = parseObject(data)?.bytes
  return typeof bytes === 'string' ? Buffer.from(bytes, 'base64').toString() : undefined
}

/** Where a stream stands. Plain data. */
interface State<Inner> {
  family: Inner
  inner: unknown
  usage: Usage | undefined
  isDone: boolean
}

/**
 * The events of a family as chunks, the last with the metrics as Bedrock writes them; a failure is an exception in place of the family's own
 * error event. `choose`: which family a reply is for, and its fold.
 */
export function wrapStream<Name extends string>(
  choose: (reply: ReplyOptions) => Name,
  folds: Readonly<Record<Name, Fold<StreamPart, Frame>>>,
): Fold<StreamPart, Frame, State<Name>> {
  return {
    start(options) {
      const family = choose(options as ReplyOptions)
      return { family, inner: folds[family].start(options), usage: undefined, isDone: false }
    },
    step(state, part, out) {
      if (state.isDone) return
      const { step } = folds[state.family]
      if (part.type === 'usage') state.usage = part.usage
      if (part.type === 'response-end') pushLast(state, (last) => step(state.inner, part, last), out)
      else
        step(
          state.inner,
          part,
          redirected(out, (frame) => out.push(wrap(frame))),
        )
    },
    end(state, out, error) {
      if (state.isDone) return
      const { end } = folds[state.family]
      if (!error) return pushLast(state, (last) => end(state.inner, last), out)
      state.isDone = true
      out.push(encodeErrorFrame(error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL')))
    },
  }
}

function pushLast(state: State<string>, write: (last: Sink<Frame>) => void, out: Sink<Frame>): void {
  state.isDone = true
  const frames: Frame[] = []
  write(redirected(out, (frame) => void frames.push(frame)))
  // The terminator of streams of another kind.
  const events = frames.filter(({ data }) => data !== '[DONE]')
  for (const [index, event] of events.entries()) out.push(wrap(index === events.length - 1 ? withMetrics(event, state.usage) : event))
}

function withMetrics(frame: Frame, usage: Usage | undefined): Frame {
  if (!usage) return frame
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage
  const metrics = withoutUndefined({
    inputTokenCount: Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens),
    outputTokenCount: outputTokens,
    invocationLatency: 0,
    firstByteLatency: 0,
    cacheReadInputTokenCount: usage.cacheReadTokens,
    cacheWriteInputTokenCount: usage.cacheWriteTokens,
  })
  return { ...frame, data: `${frame.data.slice(0, frame.data.lastIndexOf('}'))},"${METRICS}":${JSON.stringify(metrics)}}` }
}
