import { openProof, sealProof } from '../shared/proof.ts'

/** Whose models can verify what carries no other name. */
const OWN = 'anthropic'

/** How the base64 of a proof begins that carries its family's name: of `bf.`. */
const NAMED = 'YmYu'

interface Proof {
  proof: string
  signedBy: string
}

/** A signature for a client of this API; those of other families carry their name. */
export function sealSignature(signature: string, signedBy: string | undefined): string {
  return sealProof(signature, signedBy, OWN)
}

/** The signature that a client sends back, with the family that can verify it. */
export function openSignature(written: string): Proof {
  return openProof(written, OWN)
}

/** A sealed thought for a client of this API, whose SDKs want base64: what is none, or of another family, is wrapped. */
export function sealThought(redacted: string, signedBy: string | undefined): string {
  const isOwn = signedBy === undefined || signedBy === OWN
  if (isOwn && redacted.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(redacted)) return redacted
  // Any other family's name makes the sealing name it.
  return Buffer.from(sealProof(redacted, signedBy ?? OWN, '')).toString('base64')
}

/** The sealed thought that a client sends back, with the family that can open it. */
export function openSealed(written: string): Proof {
  return openProof(written.startsWith(NAMED) ? Buffer.from(written, 'base64').toString() : written, OWN)
}
