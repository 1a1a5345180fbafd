import type { ReasoningPart } from '../../../core/canonical/chat.ts'

/** Opens a proof that another vendor's models wrote, in a dialect that has one field for proofs and no word for whose they are. */
const MARK = /^bf\.([a-z]+)\.(.*)$/s

/** How `bf.` begins in base64. */
const MARK_IN_BASE64 = 'YmYu'

/** A proof without the dialect's spelling, and the family of models that can verify it. */
export interface OpenProof {
  proof: string
  signedBy: string
}

/** A signature or a sealed thought as a dialect of `own` models shows it: others carry the name of the family that can verify them. */
export function sealProof(proof: string, signedBy: string | undefined, own: string): string {
  return signedBy === undefined || signedBy === own ? proof : `bf.${signedBy}.${proof}`
}

/** The proof and its family, from what `sealProof` wrote; what carries no name is `own`. */
export function openProof(written: string, own: string): OpenProof {
  const match = MARK.exec(written)
  return match ? { proof: match[2] as string, signedBy: match[1] as string } : { proof: written, signedBy: own }
}

/** A proof with its family's name as base64, for clients that take nothing else. */
export function sealInBase64(proof: string, signedBy: string): string {
  return Buffer.from(`bf.${signedBy}.${proof}`).toString('base64')
}

/** What `sealInBase64` wrote, or an `own` proof as it is. */
export function openFromBase64(written: string, own: string): OpenProof {
  return openProof(written.startsWith(MARK_IN_BASE64) ? Buffer.from(written, 'base64').toString() : written, own)
}

/** What of a thought proves it. */
export type Proof = Pick<ReasoningPart, 'signature' | 'redacted' | 'signedBy'>

/** How a dialect spells proofs that has one field for signatures and sealed thoughts alike. */
export interface ProofField {
  /** Whose proofs stand there as they are. */
  own: string
  /** What its own proofs are. */
  kind: 'signature' | 'redacted'
  /** Its clients take nothing but base64. */
  isBase64: boolean
}

/** A proof as the field shows it: its own as it is, others' with their names and what they are. Undefined where there is none. */
export function encodeProof({ signature, redacted, signedBy }: Proof, { own, isBase64 }: ProofField): string | undefined {
  const proof = redacted === undefined ? signature && `s${signature}` : `r${redacted}`
  if (proof === undefined) return undefined
  if (signedBy === undefined || signedBy === own) return redacted ?? signature
  return isBase64 ? sealInBase64(proof, signedBy) : sealProof(proof, signedBy, own)
}

/** What `encodeProof` wrote. */
export function decodeProof(written: string, { own, kind, isBase64 }: ProofField): Proof {
  const { proof, signedBy } = isBase64 ? openFromBase64(written, own) : openProof(written, own)
  if (signedBy === own) return { [kind]: proof, signedBy }
  return proof.startsWith('r') ? { redacted: proof.slice(1), signedBy } : { signature: proof.slice(1), signedBy }
}
