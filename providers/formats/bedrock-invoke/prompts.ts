import type { JsonObject } from '../../../core/canonical/json.ts'
import { claudeText } from '../shared/claude-text.ts'
import { integer, number, strings } from '../shared/fields.ts'
import { type PromptDialect, promptSide, wordFor } from '../shared/prompt-side.ts'
import type { Writer } from '../shared/text-answers.ts'
import { type Family, NAME } from './family.ts'

function promptFamily(dialect: Omit<PromptDialect, 'corner'>): Family {
  return promptSide({ corner: NAME, ...dialect })
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

/** Claude before Messages: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-text-completion.html */
export const claudePrompt = promptFamily({ ...claudeText, others: ['anthropic_version'] })
