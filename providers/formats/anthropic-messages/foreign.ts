import type { Citation, ReasoningPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { openProof, sealProof } from '../shared/proof.ts'
import { NAME } from './types.ts'

/** The family of models whose proofs this API can verify. */
const OWN = 'anthropic'

/** Opens the id of a call that another vendor ran itself: the client sends it back, and Anthropic must not be shown it. */
const RUN_ELSEWHERE = 'srvtoolu_bf_'

/** Ids of calls hold `^[a-zA-Z0-9_-]+$`. Those of other vendors are changed alike in the call and in its result. */
export function wireId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, '_')
}

/** The id of a call that another vendor ran itself, as a client is shown it. */
export function foreignRunId(id: string): string {
  return RUN_ELSEWHERE + wireId(id)
}

/** The id that `foreignRunId` marked; undefined for a call that Anthropic ran. */
export function readForeignRunId(written: string): string | undefined {
  return written.startsWith(RUN_ELSEWHERE) ? written.slice(RUN_ELSEWHERE.length) : undefined
}

/** What of a thought goes with its text. */
export type Proof = Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy' | 'id' | 'summary'>

/**
 * A thought's signature or sealed form as a client of this dialect is shown it. What other vendors' models signed is marked as
 * theirs, with the id that they know the thought by, so that it goes back to them alone. Empty where there is nothing to prove.
 */
export function encodeProof({ signature, redacted, signedBy, id, summary }: Proof): string {
  const proof = redacted ?? signature ?? ''
  if (signedBy === undefined || signedBy === OWN) return proof
  const name = id === undefined || id.includes('|') ? '' : id
  return proof === '' && name === '' ? '' : sealProof(`${name}|${summary ? 's' : ''}|${proof}`, signedBy, OWN)
}

/** What `encodeProof` wrote, or Anthropic itself. `proof` is absent where there was none. */
export function decodeProof(written: string): { proof?: string } & Pick<Proof, 'signedBy' | 'id' | 'summary'> {
  if (written === '') return {}
  const { proof, signedBy } = openProof(written, OWN)
  const match = signedBy === OWN ? null : /^([^|]*)\|(s?)\|(.*)$/s.exec(proof)
  if (!match) return { proof, signedBy }
  const [, id, mark, rest] = match
  return { ...(rest && { proof: rest }), signedBy, ...(id && { id }), ...(mark && { summary: true }) }
}

/** A citation in Anthropic's words: its own as it came, another vendor's without the place in the source, which only Anthropic tells. */
export function encodeCitation(citation: Citation): JsonObject {
  const own = citation.extra?.[NAME]
  if (own) return own
  const { url, title = null, text = '' } = citation
  if (url !== undefined) return { type: 'web_search_result_location', cited_text: text, encrypted_index: '', title, url }
  const nowhere = { document_index: 0, start_char_index: 0, end_char_index: 0, file_id: null }
  return { type: 'char_location', cited_text: text, document_title: title, ...nowhere }
}

/** Whether `encodeCitation` made it of another vendor's: the API refuses citations without a place. */
export function isForeignCitation({ type, encrypted_index: index, start_char_index: start, end_char_index: end }: JsonObject): boolean {
  return type === 'web_search_result_location' ? !index : type === 'char_location' && start === 0 && end === 0
}
