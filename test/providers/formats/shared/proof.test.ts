import { describe, expect, test } from 'vitest'
import { decodeProof, encodeProof, type Proof, type ProofField } from '../../../../providers/formats/shared/proof.ts'

const FIELDS: ProofField[] = [
  { own: 'google', kind: 'signature', isBase64: true },
  { own: 'openai', kind: 'redacted', isBase64: false },
]
const PROOFS: Proof[] = [
  { signature: 'c2ln', signedBy: 'anthropic' },
  { redacted: 'gAA-_x', signedBy: 'anthropic' },
  { signature: 'rs', signedBy: 'xai' },
]

describe.each(FIELDS)('a field of $own', (field) => {
  test.each(PROOFS)('carries %j of others with their names', (proof) => {
    const written = encodeProof(proof, field) ?? ''
    expect(field.isBase64 ? Buffer.from(written, 'base64').toString() : written).toContain(`bf.${proof.signedBy}.`)
    expect(decodeProof(written, field)).toEqual(proof)
  })

  test('carries its own as they are', () => {
    const own = { [field.kind]: 'AY89', signedBy: field.own }
    expect(encodeProof(own, field)).toBe('AY89')
    expect(decodeProof('AY89', field)).toEqual(own)
    expect(encodeProof({}, field)).toBeUndefined()
  })
})
