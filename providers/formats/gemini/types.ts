import { isObject, type JsonObject } from '../../../core/canonical/json.ts'
import type { Carry } from '../../../core/format.ts'
import type { ProofField } from '../shared/proof.ts'

/** The format's name, and its corner of `extra`. */
export const NAME = 'gemini'

/** `thoughtSignature`: Google's own signatures as they are, proofs of others as base64. */
export const PROOF: ProofField = { own: 'google', kind: 'signature', isBase64: true }

/** One of https://ai.google.dev/api/caching#Part: named by the one field that says what it is, with marks beside it. */
export type WirePart = JsonObject

/** A turn as the API takes it. */
export interface Content extends JsonObject {
  role: 'user' | 'model'
  parts: WirePart[]
}

/** Tools whose names the API does not take: name on the wire -> the client's own. */
export type Renamed = Readonly<Record<string, string>>

/** Reads what the request's translation left behind; nothing of it need be there. */
export function readCarry(carry: Carry | undefined): Renamed {
  return isObject(carry?.tools) ? (carry.tools as Record<string, string>) : {}
}

/** The text that a value is; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

const MINTED = /^gem_.*_\d+$/

/** An id for a call that came without: a function of the answer, so that the same history sends the same bytes. */
export function mintId(response: string, choice: number, ordinal: number): string {
  return choice === 0 ? `gem_${response}_${ordinal}` : `gem_${response}_${choice}_${ordinal}`
}

/** Whether an id was made up here: the provider never heard of it. */
export function isMinted(id: string): boolean {
  return MINTED.test(id)
}
