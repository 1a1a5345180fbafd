import type { JsonObject } from '../../../core/canonical/json.ts'

/** The format's name, also of what only it knows (`extra`). */
export const NAME = 'cohere-chat'

/** A piece of a message's content, of a result, or a call. */
export type Block = JsonObject

/** A text of a loosely typed body; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
