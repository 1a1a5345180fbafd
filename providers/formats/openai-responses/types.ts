import type { JsonObject } from '../../../core/canonical/json.ts'
import type { ProofField } from '../shared/proof.ts'

/** The format's name, and its corner of `extra`. */
export const NAME = 'openai-responses'

/** `encrypted_content`: OpenAI's own sealed thoughts as they are. */
export const PROOF: ProofField = { own: 'openai', kind: 'redacted', isBase64: false }

/** An item of the input or the output, named by its `type`. */
export interface Item extends JsonObject {
  type: string
}

/** Unknown fields under this format's name, as canonical types carry them. */
export function extraOf(fields: JsonObject | undefined): { [NAME]: JsonObject } | undefined {
  return fields && { [NAME]: fields }
}

/** The text that a value is; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
