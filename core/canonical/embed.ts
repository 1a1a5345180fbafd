import type { Extra, Source } from './chat.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

/** How the numbers of a vector are written. `base64` is the little-endian bytes of its 32-bit floats. */
export type VectorType = 'float' | 'base64' | 'int8' | 'uint8' | 'binary' | 'ubinary'

/** What vectors are for, where the client says it: the words that several vendors share. */
export type EmbedPurpose = 'query' | 'document' | 'classification' | 'clustering' | 'similarity' | 'question' | 'fact' | 'code'

/** One thing to embed. `opaque` is a form that only its own format knows. */
export type EmbedInput =
  | { type: 'text'; text: string; title?: string | undefined }
  | { type: 'tokens'; tokens: readonly number[] }
  | { type: 'image'; source: Source }
  | { type: 'opaque'; format: string; value: JsonObject }

/** A request for vectors, one for each input, in the order of the inputs. */
export interface EmbedRequest {
  model: string
  inputs: readonly EmbedInput[]
  dimensions?: number | undefined
  /** How the client wants its vectors, each once; absent: as the dialect's own default is, floats. */
  types?: readonly VectorType[] | undefined
  purpose?: EmbedPurpose | undefined
  /** Where an input that is too long is cut; `none`: it is refused. Absent: as the provider likes. */
  truncate?: 'none' | 'start' | 'end' | undefined
  /** Whether vectors have the length 1. */
  normalize?: boolean | undefined
  user?: string | undefined
  extra?: Extra | undefined
}

/** The vector of one input, in every type that was asked for. */
export interface Embedding {
  float?: readonly number[] | undefined
  base64?: string | undefined
  int8?: readonly number[] | undefined
  uint8?: readonly number[] | undefined
  binary?: readonly number[] | undefined
  ubinary?: readonly number[] | undefined
  /** Tokens of this input alone, where the provider tells them for each. */
  tokens?: number | undefined
}

/** Vectors in the order of the inputs. */
export interface EmbedResponse {
  kind: 'embedding'
  id?: string | undefined
  /** Empty where the provider names none. */
  model: string
  embeddings: readonly Embedding[]
  usage?: Usage | undefined
  extra?: Extra | undefined
}

/** The vector as floats; undefined where it came in other types alone. */
export function floatsOf({ float, base64 }: Embedding): readonly number[] | undefined {
  if (float) return float
  if (base64 === undefined) return undefined
  const bytes = Buffer.from(base64, 'base64')
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4))
}

/** The vector as base64 of 32-bit floats; undefined where it came in other types alone. */
export function base64Of({ float, base64 }: Embedding): string | undefined {
  if (base64 !== undefined || !float) return base64
  const bytes = Buffer.alloc(float.length * 4)
  float.forEach((value, index) => bytes.writeFloatLE(value, index * 4))
  return bytes.toString('base64')
}
