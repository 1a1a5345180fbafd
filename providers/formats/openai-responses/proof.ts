import type { ReasoningPart } from '../../../core/canonical/chat.ts'
import { openProof, sealProof } from '../shared/proof.ts'

const OWN = 'openai'

/** What a client is shown as `encrypted_content`: OpenAI's own as it is, signatures and sealed thoughts of others with their names. */
export function encodeProof({
  signature,
  redacted,
  signedBy,
}: Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy'>): string | undefined {
  const proof = redacted === undefined ? signature && `s${signature}` : `r${redacted}`
  if (proof === undefined) return undefined
  return signedBy === undefined || signedBy === OWN ? (redacted ?? signature) : sealProof(proof, signedBy, OWN)
}

/** What `encodeProof` wrote, or OpenAI's own, which is a sealed thought. */
export function decodeProof(written: string): Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy'> {
  const { proof, signedBy } = openProof(written, OWN)
  if (signedBy === OWN) return { redacted: proof, signedBy }
  return proof.startsWith('r') ? { redacted: proof.slice(1), signedBy } : { signature: proof.slice(1), signedBy }
}
