/** Whose model it is, as far as its id tells: the fields of one family are refused by the others. */
export type Family = 'claude' | 'nova' | 'openai' | 'cohere' | 'other' | 'unknown'

const FAMILIES: readonly (readonly [RegExp, Family])[] = [
  [/claude|(?:^|[./])anthropic\./i, 'claude'],
  [/(?:^|[./])amazon\.nova|^nova-/i, 'nova'],
  [/(?:^|[./])openai\./i, 'openai'],
  [/(?:^|[./])cohere\./i, 'cohere'],
  [/(?:^|[./])(?:ai21|amazon|deepseek|google|luma|meta|minimax|mistral|moonshot|nvidia|qwen|stability|writer|zai)\./i, 'other'],
]

/** Reads a model id or ARN (`us.anthropic.claude-…`). The ARN of an application's own profile tells nothing: `unknown`. */
export function familyOf(model: string): Family {
  return FAMILIES.find(([pattern]) => pattern.test(model))?.[1] ?? 'unknown'
}
