import type { EmbedInput, EmbedPurpose, EmbedRequest, VectorType } from '../../../core/canonical/embed.ts'
import type { Json, JsonObject } from '../../../core/canonical/json.ts'
import type { Carry, EncodeOptions, Lens } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withField, withoutFields } from '../shared/body-edits.ts'
import { bad, integer } from '../shared/fields.ts'
import { type Losses, lossesOf } from '../shared/losses.ts'
import { text } from '../shared/openai-text.ts'

/** The names by which losses are reported, whatever dialect the client speaks: OpenAI's and Cohere's. */
const PARAMS = { types: 'embedding_types', purpose: 'input_type', truncate: 'truncate', normalize: 'normalize', user: 'user' } as const

/** What a dialect of embeddings can carry beside texts. */
export interface Abilities {
  /** Vector types besides floats, and base64, which is made of floats here. */
  types?: readonly VectorType[]
  purpose?: boolean
  /** Ends at which it can be told to cut. */
  truncate?: readonly EmbedRequest['truncate'][]
  normalize?: boolean
  user?: boolean
  title?: boolean
}

/** Reports or refuses what a dialect cannot carry of a request. */
export function lossesFor(request: EmbedRequest, options: EncodeOptions, can: Abilities): Losses {
  const losses = lossesOf(options)
  const types: readonly VectorType[] = ['float', 'base64', ...(can.types ?? [])]
  losses.meaning(PARAMS.types, request.types?.some((type) => !types.includes(type)) ?? false)
  losses.hint(PARAMS.purpose, request.purpose !== undefined && !can.purpose)
  losses.hint(PARAMS.truncate, request.truncate !== undefined && !can.truncate?.includes(request.truncate))
  losses.hint(PARAMS.normalize, request.normalize === false && !can.normalize)
  losses.hint(PARAMS.user, request.user !== undefined && !can.user)
  losses.hint('title', !can.title && request.inputs.some((input) => input.type === 'text' && input.title !== undefined))
  return losses
}

/** The texts of all inputs; refuses the first input that is none. */
export function textsOnly(inputs: readonly EmbedInput[], losses: Losses): string[] {
  return inputs.map((input, index) => (input.type === 'text' ? input.text : losses.essential(`input[${index}]`)))
}

/** The types other than floats that a provider is asked for. */
export function furtherTypes({ types }: EmbedRequest, can: readonly VectorType[]): VectorType[] {
  return (types ?? []).filter((type) => can.includes(type))
}

/** Whether floats have to be asked for: they are what base64 is made of, and what is meant where nothing is said. */
export function wantsFloats({ types }: EmbedRequest): boolean {
  return types === undefined || types.length === 0 || types.includes('float') || types.includes('base64')
}

/** The types that a client asked for, as its answer's encoder is told. */
export function typesIn(carry: Carry | undefined): readonly VectorType[] | undefined {
  return Array.isArray(carry?.types) ? (carry.types as VectorType[]) : undefined
}

/** Words of purposes both ways. */
export function purposes(words: Readonly<Record<EmbedPurpose, string>>): {
  encode(purpose: EmbedPurpose): string
  decode(word: string): EmbedPurpose | undefined
} {
  const back = new Map(Object.entries(words).map(([purpose, word]) => [word, purpose as EmbedPurpose]))
  return { encode: (purpose) => words[purpose], decode: (word) => back.get(word) }
}

/** A number of dimensions. */
export const dimensions = integer(1)

/** A list with something in it, checked in the body's bytes. Throws GW_INVALID_REQUEST. */
export function checkFilled(scan: Scan, name: string): void {
  const value = scan.value(name) as Json | undefined
  if (value === undefined || value === null) bad(name, 'is required')
  if (!Array.isArray(value)) bad(name, 'must be a list')
  if (value.length === 0) bad(name, 'must not be empty')
}

/** A lens of bodies that name the model at the top; `texts` and `usage` differ. */
export function topLens(own: Pick<Lens, 'texts' | 'usage'>): Pick<Lens, 'model' | 'withModel' | 'texts' | 'without' | 'usage'> {
  return {
    model: (scan) => text(scan.value('model')),
    withModel: (scan, model) => withField(scan, 'model', model),
    without: withoutFields,
    ...own,
  }
}

/** A lens of bodies whose model stands in the path. */
export function pathLens(own: Pick<Lens, 'texts' | 'usage'>): Pick<Lens, 'model' | 'withModel' | 'texts' | 'without' | 'usage'> {
  return { ...topLens(own), model: () => undefined, withModel: () => ({ start: 0, end: 0, text: '' }) }
}

/** Texts in a loosely typed list. */
export function looseTexts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((entry): entry is string => typeof entry === 'string')
}

/** A request's own corner of what only its dialect knows. */
export function own(request: EmbedRequest, name: string): JsonObject {
  return request.extra?.[name] ?? {}
}
