import type { ChatRequest } from '../../../core/canonical/chat.ts'
import { type JsonObject, withoutUndefined } from '../../../core/canonical/json.ts'
import type { StopReason } from '../../../core/canonical/stop.ts'
import type { DecodedRequest } from '../../../core/format.ts'
import { filled, integer, number, object, optional, type Read, required, strings, unknownFields } from '../shared/fields.ts'
import { answersOf, type Writer } from './answers.ts'
import { type Family, NAME, type Named } from './family.ts'
import { readPrompt } from './templates.ts'

/** Wire names of settings, and what they are in canonical form. */
type Settings = Readonly<Record<string, readonly [keyof ChatRequest, Read<unknown>]>>

interface PromptFamily extends Writer {
  prompt: string
  /** The object that holds the settings; absent: they stand beside the prompt. */
  settingsIn?: string
  settings: Settings
  /** Fields that change what is answered, and that only the family itself understands. */
  own?: readonly string[]
}

/** A family whose models continue one text. */
function promptFamily({ prompt, settingsIn, settings, own = [], ...writer }: PromptFamily): Family {
  const known = new Set([prompt, 'fallbacks', ...(settingsIn === undefined ? Object.keys(settings) : [settingsIn])])
  return {
    decodeRequest(body: JsonObject, named: Named): DecodedRequest {
      const written = required(body[prompt], prompt, filled)
      const holder = settingsIn === undefined ? body : (optional(body[settingsIn], settingsIn, object) ?? {})
      const request: ChatRequest = { ...named, messages: readPrompt(written) }
      for (const [name, [field, read]] of Object.entries(settings)) {
        const value = optional(holder[name], settingsIn === undefined ? name : `${settingsIn}.${name}`, read)
        if (value !== undefined) Object.assign(request, { [field]: value })
      }
      const extra = unknownFields(body, known)
      if (extra) request.extra = { [NAME]: extra }
      return { request: withoutUndefined(request), ownOnly: own.filter((name) => body[name] !== undefined) }
    },
    ...answersOf(writer),
  }
}

/** Why an answer ended, in words of which each family has some. */
function wordFor(words: Partial<Record<StopReason, string>> & { stop: string }, reason: StopReason): string {
  return words[reason] ?? words.stop
}

const limit = integer(1)
const PLAIN_WORDS = { stop: 'stop', length: 'length' }

/** Amazon Titan Text: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html */
export const titan = promptFamily({
  prompt: 'inputText',
  settingsIn: 'textGenerationConfig',
  settings: {
    maxTokenCount: ['maxOutputTokens', limit],
    temperature: ['temperature', number],
    topP: ['topP', number],
    stopSequences: ['stop', strings],
  },
  whole: ({ text, stop, usage }) => ({
    inputTextTokenCount: usage?.inputTokens ?? 0,
    results: [{ tokenCount: usage?.outputTokens ?? 0, outputText: text, completionReason: wordFor(TITAN_WORDS, stop.reason) }],
  }),
  piece: (text) => titanChunk({ outputText: text }),
  last: ({ stop, usage }) =>
    titanChunk({
      inputTextTokenCount: usage?.inputTokens ?? null,
      totalOutputTextTokenCount: usage?.outputTokens ?? null,
      completionReason: wordFor(TITAN_WORDS, stop.reason),
    }),
})

const TITAN_WORDS = { stop: 'FINISHED', length: 'LENGTH', 'content-filter': 'CONTENT_FILTERED', refusal: 'CONTENT_FILTERED' }

function titanChunk(said: JsonObject): JsonObject {
  return { outputText: '', index: 0, inputTextTokenCount: null, totalOutputTextTokenCount: null, completionReason: null, ...said }
}

/** Meta Llama: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html */
export const llama = promptFamily({
  prompt: 'prompt',
  settings: { max_gen_len: ['maxOutputTokens', limit], temperature: ['temperature', number], top_p: ['topP', number] },
  own: ['images'],
  whole: ({ text, stop, usage }) => ({
    generation: text,
    prompt_token_count: usage?.inputTokens ?? 0,
    generation_token_count: usage?.outputTokens ?? 0,
    stop_reason: wordFor(PLAIN_WORDS, stop.reason),
  }),
  piece: (text) => ({ generation: text, prompt_token_count: null, generation_token_count: null, stop_reason: null }),
  last: ({ stop, usage }) => ({
    generation: '',
    prompt_token_count: usage?.inputTokens ?? null,
    generation_token_count: usage?.outputTokens ?? null,
    stop_reason: wordFor(PLAIN_WORDS, stop.reason),
  }),
})

/** Mistral's models that take a prompt: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html */
export const mistral = promptFamily({
  prompt: 'prompt',
  settings: {
    max_tokens: ['maxOutputTokens', limit],
    temperature: ['temperature', number],
    top_p: ['topP', number],
    top_k: ['topK', number],
    stop: ['stop', strings],
  },
  ...listed('outputs', (text, reason) => ({ text, stop_reason: reason })),
})

/** DeepSeek R1: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html */
export const deepseek = promptFamily({
  prompt: 'prompt',
  settings: {
    max_tokens: ['maxOutputTokens', limit],
    temperature: ['temperature', number],
    top_p: ['topP', number],
    stop: ['stop', strings],
  },
  ...listed('choices', (text, reason) => ({ text, stop_reason: reason })),
})

/** Answers in a list of one, whose chunks are of the same form. */
function listed(name: string, entry: (text: string, reason: string | null) => JsonObject): Writer {
  return {
    whole: ({ text, stop }) => ({ [name]: [entry(text, wordFor(PLAIN_WORDS, stop.reason))] }),
    piece: (text) => ({ [name]: [entry(text, null)] }),
    last: ({ stop }) => ({ [name]: [entry('', wordFor(PLAIN_WORDS, stop.reason))] }),
  }
}
