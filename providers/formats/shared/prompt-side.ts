import type { ChatRequest } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { StopReason } from '../../../core/canonical/stop.ts'
import type { DecodedRequest, Inbound } from '../../../core/format.ts'
import { filled, object, optional, type Read, readFields, required, type SimpleFields } from './fields.ts'
import { readPrompt } from './prompt-templates.ts'
import { answersOf, type Writer } from './text-answers.ts'

/** A dialect whose models continue one text: where a request has what, and how answers are written. */
export interface PromptDialect extends Writer {
  /** Whose corner of `extra` unknown fields go into. */
  corner: string
  prompt: string
  /** The object that holds the settings; absent: they stand beside the prompt. */
  settingsIn?: string
  /** Wire names of settings, and what they are in canonical form. */
  settings: Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>>
  /** Fields that change what is answered, and that only the dialect itself understands. */
  own?: readonly string[]
  /** Fields that are read elsewhere. */
  others?: readonly string[]
}

/** What such a dialect is for clients. */
export interface PromptSide extends Pick<Inbound, 'encodeResponse' | 'encodeStream'> {
  /** `named`: rules over the body. Throws GW_INVALID_REQUEST with the field's path. */
  decodeRequest(body: JsonObject, named: { model: string; stream: boolean }): DecodedRequest
}

/** The client's side of a dialect whose models continue one text: a prompt is the conversation that it writes down. */
export function promptSide({ corner, prompt, settingsIn, settings, own = [], others = [], ...writer }: PromptDialect): PromptSide {
  const simple = new Map(Object.entries(settings))
  const known = new Set([prompt, 'fallbacks', ...others, ...(settingsIn === undefined ? [] : [settingsIn])])
  return {
    decodeRequest(body, named) {
      const written = required(body[prompt], prompt, filled)
      const request: ChatRequest = { ...named, messages: readPrompt(written) }
      const held = settingsIn === undefined ? undefined : optional(body[settingsIn], settingsIn, object)
      if (held) readFields(request, held, { simple, known: NONE, path: `${settingsIn}.` })
      const extra = readFields(request, body, { simple: settingsIn === undefined ? simple : NO_FIELDS, known })
      if (extra) request.extra = { [corner]: extra }
      return { request, ownOnly: own.filter((name) => body[name] !== undefined) }
    },
    ...answersOf(writer),
  }
}

const NONE: ReadonlySet<string> = new Set()
const NO_FIELDS: SimpleFields<ChatRequest> = new Map()

/** Why an answer ended, in words of which each dialect has some. */
export function wordFor(words: Partial<Record<StopReason, string>> & { stop: string }, reason: StopReason): string {
  return words[reason] ?? words.stop
}
