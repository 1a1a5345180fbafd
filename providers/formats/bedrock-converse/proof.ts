import { type OpenProof, openFromBase64, openProof, sealInBase64, sealProof } from '../shared/proof.ts'

/** Whose models can verify what carries no other name. */
const OWN = 'anthropic'

/** A signature for a client of this API; those of other families carry their name. */
export function sealSignature(signature: string, signedBy: string | undefined): string {
  return sealProof(signature, signedBy, OWN)
}

/** The signature that a client sends back, with the family that can verify it. */
export function openSignature(written: string): OpenProof {
  return openProof(written, OWN)
}

/** A sealed thought for a client of this API, whose SDKs want base64: what is none, or of another family, is wrapped. */
export function sealThought(redacted: string, signedBy = OWN): string {
  const isBase64 = redacted.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(redacted)
  return signedBy === OWN && isBase64 ? redacted : sealInBase64(redacted, signedBy)
}

/** The sealed thought that a client sends back, with the family that can open it. */
export function openSealed(written: string): OpenProof {
  return openFromBase64(written, OWN)
}
