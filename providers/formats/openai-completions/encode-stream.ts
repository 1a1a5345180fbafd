import type { StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { encodeErrorFrame } from '../shared/openai-error.ts'
import { completionHead, echoOf, encodeUsage, wireChoice } from './response.ts'

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  head: JsonObject
  /** Parts that are text, by choice and index: others have no place. */
  texts: Set<string>
  stops: Map<number, Stop>
  /** Choices whose prompt was given back. */
  echoed: Set<number>
  usage: Usage | undefined
  isDone: boolean
}

type Out = Sink<Frame>

/** Parts -> events of text completions, ended by `[DONE]`. The reasons to stop wait for the end, where usage is. */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start(options) {
    const reply = options as ReplyOptions
    const head = completionHead({ id: '', model: '' }, reply)
    return { options: reply, head, texts: new Set(), stops: new Map(), echoed: new Set(), usage: undefined, isDone: false }
  },
  step(state, part, out) {
    if (state.isDone) return
    if (part.type === 'response-start') state.head = completionHead(part, state.options)
    else if (part.type === 'part-start') start(state, part, out)
    else if (part.type === 'part-delta' && part.delta.text && state.texts.has(`${part.choice}/${part.index}`))
      say(state, part.choice, { text: part.delta.text, out })
    else if (part.type === 'choice-end') state.stops.set(part.choice, part.stop)
    else if (part.type === 'usage') state.usage = part.usage
    else if (part.type === 'response-end') finish(state, out)
  },
  end(state, out, error) {
    if (state.isDone) return
    if (!error) return finish(state, out)
    state.isDone = true
    out.push(encodeErrorFrame(error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: state.options.id })))
  },
}

function start(state: EncodeState, { choice, index, part }: Extract<StreamPart, { type: 'part-start' }>, out: Out): void {
  if (part.type !== 'text' && part.type !== 'refusal') return
  state.texts.add(`${choice}/${index}`)
  if (part.text !== '') say(state, choice, { text: part.text, out })
}

function say(state: EncodeState, choice: number, { text, out }: { text: string; out: Out }): void {
  const echo = state.echoed.has(choice) ? '' : echoOf(state.options)
  state.echoed.add(choice)
  out.push({ data: JSON.stringify({ ...state.head, choices: [wireChoice({ index: choice, text: echo + text })] }) })
}

function finish(state: EncodeState, out: Out): void {
  state.isDone = true
  if (state.stops.size === 0) state.stops.set(0, { reason: 'stop' })
  for (const [index, stop] of state.stops)
    out.push({ data: JSON.stringify({ ...state.head, choices: [wireChoice({ index, text: '', stop })] }) })
  if (state.usage && state.options.streamUsage)
    out.push({ data: JSON.stringify({ ...state.head, choices: [], usage: encodeUsage(state.usage) }) })
  out.push({ data: '[DONE]' })
}
