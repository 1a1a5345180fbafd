/** The format's name: key of `extra`, tag of raw usage. */
export const NAME = 'openai-completions'

/** The text that a value is; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
