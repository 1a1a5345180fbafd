/** Opens a proof that another vendor's models wrote, in a dialect that has one field for proofs and no word for whose they are. */
const MARK = /^bf\.([a-z]+)\.(.*)$/s

/** A signature or a sealed thought as a dialect of `own` models shows it: others carry the name of the family that can verify them. */
export function sealProof(proof: string, signedBy: string | undefined, own: string): string {
  return signedBy === undefined || signedBy === own ? proof : `bf.${signedBy}.${proof}`
}

/** The proof and its family, from what `sealProof` wrote; what carries no name is `own`. */
export function openProof(written: string, own: string): { proof: string; signedBy: string } {
  const match = MARK.exec(written)
  return match ? { proof: match[2] as string, signedBy: match[1] as string } : { proof: written, signedBy: own }
}
