import type { Json } from '../../../core/canonical/json.ts'
import type { Lens } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { withField, withoutFields } from './body-edits.ts'
import { bad } from './fields.ts'
import { text } from './openai-text.ts'

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

/** A list with something in it, checked in the body's bytes. Throws GW_INVALID_REQUEST. */
export function checkFilled(scan: Scan, name: string): void {
  const value = scan.value(name) as Json | undefined
  if (value === undefined || value === null) bad(name, 'is required')
  if (!Array.isArray(value)) bad(name, 'must be a list')
  if (value.length === 0) bad(name, 'must not be empty')
}
