import type { Part, PartDelta, StreamPart } from '../../../core/canonical/chat.ts'
import { collector } from '../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Stop } from '../../../core/canonical/stop.ts'
import type { Usage } from '../../../core/canonical/usage.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Fold, Sink } from '../../../core/fold.ts'
import type { Frame, ReplyOptions } from '../../../core/format.ts'
import { inOnePiece } from '../../../core/text.ts'
import { encodeProof } from '../shared/proof.ts'
import { encodeGrounding, encodePart, encodeStop, encodeUsage, identity } from './encode-response.ts'
import { encodeErrorFrame } from './error.ts'
import { NAME, PROOF, type WirePart } from './types.ts'

/** Where one choice stands. `parts` are those that began, by index: texts as far as they are told, for the citations at the end. */
interface ChoiceState {
  parts: Map<number, Part>
  stop: Stop | undefined
  extra: JsonObject | undefined
}

/** Where a stream stands. Plain data. */
export interface EncodeState {
  options: ReplyOptions
  /** What ends every event, but for its closing brace: the fields that tell which answer it is of. */
  identity: string
  choices: Map<number, ChoiceState>
  usage: Usage | undefined
  /** The text that was told last. */
  speaking: { choice: number; part: Part } | undefined
  isDone: boolean
}

type Out = Sink<Frame>

/**
 * Parts -> events of streamGenerateContent: each a whole answer with the next piece. Texts go on as they come, calls and media when
 * they are whole. Reasons to stop and usage are in the last events, as Google has them.
 */
export const encodeStream: Fold<StreamPart, Frame, EncodeState> = {
  start: (options) => ({
    options: options as ReplyOptions,
    identity: identityOf({ id: '', model: '' }, options as ReplyOptions),
    choices: new Map(),
    usage: undefined,
    speaking: undefined,
    isDone: false,
  }),
  step(state, part, out) {
    if (!state.isDone) (STEPS[part.type] as (state: EncodeState, part: StreamPart, out: Out) => void)(state, part, out)
  },
  end(state, out, error) {
    if (state.isDone) return
    if (!error) return finish(state, out)
    state.isDone = true
    out.push(encodeErrorFrame(error instanceof GatewayError ? error : new GatewayError('GW_INTERNAL', { id: state.options.id })))
  },
}

const STEPS: { [Type in StreamPart['type']]: (state: EncodeState, part: Extract<StreamPart, { type: Type }>, out: Out) => void } = {
  'response-start'(state, part) {
    state.identity = identityOf(part, state.options)
  },
  'part-start'(state, { choice, index, part }, out) {
    choiceOf(state, choice).parts.set(index, { ...part })
    if (isTold(part)) tell(state, choice, { part, out })
  },
  'part-delta'(state, { choice, index, delta }, out) {
    const known = choiceOf(state, choice)
    const part = known.parts.get(index)
    if (!part || known.stop) return
    if (part.type === 'text' && delta.text && !delta.extra && !delta.citation) {
      part.text += delta.text
      state.speaking = { choice, part }
    } else grow(part, delta)
    if (part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning') tellDelta(state, choice, { part, delta, out })
  },
  'part-end'(state, { choice, index }, out) {
    const part = choiceOf(state, choice).parts.get(index)
    if (part && !isTextual(part)) tell(state, choice, { part, out })
  },
  logprobs() {},
  'choice-end'(state, { choice, stop, extra }) {
    const known = choiceOf(state, choice)
    known.stop = stop
    known.extra = extra?.[NAME]
  },
  usage(state, { usage }) {
    state.usage = usage
  },
  opaque() {},
  'response-end': (state, _part, out) => finish(state, out),
}

function identityOf(answer: { id: string; model: string }, options: ReplyOptions): string {
  return inOnePiece(`,${JSON.stringify(identity(answer, options)).slice(1, -1)}`)
}

function choiceOf(state: EncodeState, index: number): ChoiceState {
  let choice = state.choices.get(index)
  if (!choice) {
    choice = { parts: new Map(), stop: undefined, extra: undefined }
    state.choices.set(index, choice)
  }
  return choice
}

function isTextual(part: Part): boolean {
  return part.type === 'text' || part.type === 'refusal' || part.type === 'reasoning'
}

/** Whether a part says something by its beginning already. */
function isTold(part: Part): boolean {
  if (!isTextual(part)) return false
  return ('text' in part && part.text !== '') || (part.type === 'reasoning' && (part.signature ?? part.redacted) !== undefined)
}

/** What a call, a text or media are made of, by the one rule of collecting. */
function grow(part: Part, delta: PartDelta): void {
  const collected = { choices: [{ index: 0, parts: [part] }] }
  collector.step(collected as never, { type: 'part-delta', choice: 0, index: 0, delta })
}

interface Telling {
  part: Part
  out: Out
}

function tell(state: EncodeState, choice: number, { part, out }: Telling): void {
  const parts = encodePart(part)
  if (parts.length > 0) push(state, choice, { parts: JSON.stringify(parts), out })
}

function tellDelta(state: EncodeState, choice: number, { part, delta, out }: Telling & { delta: PartDelta }): void {
  const isThought = part.type === 'reasoning'
  if (delta.text) push(state, choice, { parts: `[{"text":${JSON.stringify(delta.text)}${isThought ? ',"thought":true' : ''}}]`, out })
  const wire: WirePart | undefined = isThought ? proofOf(part, delta) : delta.extra?.[NAME]
  if (wire) push(state, choice, { parts: JSON.stringify([{ text: '', ...wire }]), out })
}

/** More of the text that was told last, without the closing brace. */
export function encodeText(state: unknown, json: string): Frame {
  const { speaking, identity: ending } = state as EncodeState
  if (speaking?.part.type !== 'text') throw new GatewayError('GW_INTERNAL', { reason: 'no text was told' })
  speaking.part.text += json.includes('\\') ? (JSON.parse(`"${json}"`) as string) : json
  return { data: `{"candidates":[{"content":{"parts":[{"text":"${json}"}],"role":"model"},"index":${speaking.choice}}]${ending}` }
}

function proofOf(part: Part, { signature, redacted }: PartDelta): WirePart | undefined {
  const signedBy = part.type === 'reasoning' ? part.signedBy : undefined
  const thoughtSignature = encodeProof({ signature, redacted, signedBy }, PROOF)
  return thoughtSignature === undefined ? undefined : { thought: true, thoughtSignature }
}

function push(state: EncodeState, choice: number, { parts, out }: { parts: string; out: Out }): void {
  out.push({ data: `{"candidates":[{"content":{"parts":${parts},"role":"model"},"index":${choice}}]${state.identity}}` })
}

/** A prompt that was blocked has no candidates; choices that an earlier stage cut short stop naturally. */
function finish(state: EncodeState, out: Out): void {
  state.isDone = true
  const usage = `"usageMetadata":${JSON.stringify(encodeUsage(state.usage))}`
  const feedback = state.choices.get(0)?.extra?.promptFeedback
  if (feedback !== undefined) return out.push({ data: `{"promptFeedback":${JSON.stringify(feedback)},${usage}${state.identity}}` })
  if (state.choices.size === 0) choiceOf(state, 0)
  const last = [...state.choices.keys()].at(-1)
  for (const [index, { parts, stop, extra }] of state.choices) {
    const grounding = encodeGrounding([...parts.values()])
    const candidate = {
      content: { parts: [{ text: '' }], role: 'model' },
      finishReason: encodeStop(stop ?? { reason: 'stop' }),
      index,
      ...(grounding && { groundingMetadata: grounding }),
      ...extra,
    }
    out.push({ data: `{"candidates":[${JSON.stringify(candidate)}]${index === last ? `,${usage}` : ''}${state.identity}}` })
  }
}
