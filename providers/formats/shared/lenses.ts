import type { Lens } from '../../../core/format.ts'
import { withField, withoutFields } from './body-edits.ts'
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
