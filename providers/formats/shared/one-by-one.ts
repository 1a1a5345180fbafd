import type { StreamPart } from '../../../core/canonical/chat.ts'

/** Steps that belong to a part. */
type Step = Extract<StreamPart, { index: number }>

/** Which part is under way, and what waits for its end. Plain data. */
export interface OneByOne {
  open: number | undefined
  /** Steps of parts that began meanwhile, in their order. */
  held: Map<number, Step[]>
}

/** No part began yet. */
export function newOneByOne(): OneByOne {
  return { open: undefined, held: new Map() }
}

/**
 * Tells the steps of one choice part by part, for dialects that have one block open at a time (Anthropic, Converse): what belongs
 * to a part that began before another ended waits for it. Steps of parts that are over, such as late citations, are left out.
 */
export function tellOneByOne(state: OneByOne, step: Step, tell: (step: Step) => void): void {
  if (step.type === 'part-start') {
    if (state.open !== undefined) return void state.held.set(step.index, [step])
    state.open = step.index
    return tell(step)
  }
  if (step.index !== state.open) return hold(state.held.get(step.index), step)
  tell(step)
  if (step.type === 'part-end') tellNext(state, tell)
}

/** A late citation of a part that is over, but not told yet, still comes before its end. */
function hold(steps: Step[] | undefined, step: Step): void {
  if (steps?.at(-1)?.type === 'part-end') steps.splice(-1, 0, step)
  else steps?.push(step)
}

/** Ends what is open and tells what waits; at the end of an answer. */
export function tellRest(state: OneByOne, choice: number, tell: (step: Step) => void): void {
  while (state.open !== undefined) {
    tell({ type: 'part-end', choice, index: state.open })
    tellNext(state, tell)
  }
}

function tellNext(state: OneByOne, tell: (step: Step) => void): void {
  state.open = undefined
  for (const [index, steps] of state.held) {
    state.held.delete(index)
    for (const step of steps) tell(step)
    if (steps.at(-1)?.type === 'part-end') continue
    state.open = index
    return
  }
}
