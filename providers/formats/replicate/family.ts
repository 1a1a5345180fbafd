/** What the language models of one maker call their inputs. Absent: they have no such input. */
export interface Family {
  system?: string
  maxTokens: string
  /** Takes a list of images, or one alone. */
  images: { field: string; isList: boolean }
  topK?: string
  /** Texts that end the answer, separated by commas. */
  stop?: string
  seed?: string
  hasPenalties?: boolean
  effort?: string
  verbosity?: string
}

const LIST = { field: 'image_input', isList: true }

/** Served with vLLM under Cog: https://replicate.com/meta/meta-llama-3-70b-instruct/api/schema */
const OPEN: Family = {
  system: 'system_prompt',
  maxTokens: 'max_tokens',
  images: LIST,
  topK: 'top_k',
  stop: 'stop_sequences',
  seed: 'seed',
  hasPenalties: true,
}

/** https://replicate.com/openai/o4-mini/api/schema */
const OPENAI: Family = {
  system: 'system_prompt',
  maxTokens: 'max_completion_tokens',
  images: LIST,
  hasPenalties: true,
}
const OPENAI_REASONING: Family = { ...OPENAI, hasPenalties: false, effort: 'reasoning_effort' }

/** The first that fits; the rest is `OPEN`. Models without a system prompt (providers.md 1.5) have it in front of the prompt. */
const FAMILIES: readonly (readonly [RegExp, Family])[] = [
  [/^openai\/gpt-oss-20b/, { maxTokens: 'max_tokens', images: LIST, hasPenalties: true }],
  [/^openai\/gpt-oss/, { ...OPENAI, maxTokens: 'max_tokens' }],
  [/^openai\/o1-mini/, { maxTokens: 'max_completion_tokens', images: LIST }],
  [/^openai\/gpt-5/, { ...OPENAI_REASONING, verbosity: 'verbosity' }],
  [/^openai\/o\d/, OPENAI_REASONING],
  [/^openai\//, OPENAI],
  [/^anthropic\//, { system: 'system_prompt', maxTokens: 'max_tokens', images: { field: 'image', isList: false } }],
  [/^google\/gemini/, { system: 'system_instruction', maxTokens: 'max_output_tokens', images: { field: 'images', isList: true } }],
  [/^xai\/grok-4/, { maxTokens: 'max_tokens', images: LIST, hasPenalties: true }],
  [/^deepseek-ai\/deepseek/, { maxTokens: 'max_tokens', images: LIST, hasPenalties: true }],
  [/^meta\/(?:meta-llama-3-8b|llama-2-70b)(?::|$)/, withoutSystem(OPEN)],
]

/** The inputs of a model by its name; a version's id says nothing of its maker and stands for an open model. */
export function familyOf(model: string): Family {
  const name = model.replace(/^deployments\//, '')
  return FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? OPEN
}

function withoutSystem({ system: _system, ...rest }: Family): Family {
  return rest
}
