import type { JsonObject } from '../../../core/canonical/json.ts'
import { filled, integer, number, object, optional, type Read, strings } from './fields.ts'
import { type PromptDialect, wordFor } from './prompt-side.ts'
import type { Answer } from './text-answers.ts'

const user: Read<string | undefined> = (value, param) => optional(object(value, param).user_id, `${param}.user_id`, filled)

/** Claude's text completions, which came before Messages: https://docs.claude.com/en/api/complete */
export const claudeText: Omit<PromptDialect, 'corner'> = {
  prompt: 'prompt',
  settings: {
    max_tokens_to_sample: ['maxOutputTokens', integer(1)],
    temperature: ['temperature', number],
    top_p: ['topP', number],
    top_k: ['topK', number],
    stop_sequences: ['stop', strings],
    metadata: ['user', user],
  },
  whole: (answer) => completion(answer, { completion: answer.text, ...ending(answer) }),
  piece: (text, about) => completion(about, { completion: text, stop_reason: null, stop: null }),
  last: (answer) => completion(answer, { completion: '', ...ending(answer) }),
}

function completion({ id, model }: Pick<Answer, 'id' | 'model'>, said: JsonObject): JsonObject {
  return { type: 'completion', id, ...said, model }
}

/** It knows two ends: the next turn of a human is a stop sequence too. */
function ending({ stop }: Answer): JsonObject {
  const reason = wordFor({ stop: 'stop_sequence', length: 'max_tokens' }, stop.reason)
  return { stop_reason: reason, stop: reason === 'stop_sequence' ? (stop.sequence ?? '\n\nHuman:') : null }
}
