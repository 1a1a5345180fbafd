import type { ReasoningPart } from '../../../core/canonical/chat.ts'
import { openProof, sealProof } from '../shared/proof.ts'

const OWN = 'google'
/** What a proof of another vendor's begins with, and how it looks in base64: strict clients take nothing else for a signature. */
const FOREIGN = 'YmYu'

/** The signature that a client is shown: Google's own as it is, others' with their names, sealed thoughts too. */
export function encodeProof({
  signature,
  redacted,
  signedBy,
}: Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy'>): string | undefined {
  const proof = redacted === undefined ? signature && `s${signature}` : `r${redacted}`
  if (proof === undefined) return undefined
  if (signedBy === undefined || signedBy === OWN) return redacted ?? signature
  return Buffer.from(sealProof(proof, signedBy, OWN)).toString('base64')
}

/** What `encodeProof` wrote. */
export function decodeProof(written: string): Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy'> {
  if (!written.startsWith(FOREIGN)) return { signature: written, signedBy: OWN }
  const { proof, signedBy } = openProof(Buffer.from(written, 'base64').toString(), OWN)
  return proof.startsWith('r') ? { redacted: proof.slice(1), signedBy } : { signature: proof.slice(1), signedBy }
}
