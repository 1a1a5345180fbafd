import { z } from 'zod'
import type { AllowList } from '../snapshot.ts'

/** An allow-list as plugins get it: `[]` allows nothing, `["*"]` everything. */
export interface AllowRule extends AllowList {
  allows(name: string): boolean
}

/** A list of names by the rules of allow-lists: `*` stands alone, nothing twice, nothing empty. As written, not interpreted. */
export function allowNames() {
  return z.array(z.string()).superRefine((names, context) => {
    for (const message of faults(names)) context.addIssue({ code: 'custom', message })
  })
}

/** The one type for allow-lists in a configuration: `[]` none, `["*"]` all, no mixing, no duplicates. */
export function allowList() {
  return allowNames().transform((names): AllowRule => {
    const list = toAllowList(names)
    return { ...list, allows: (name) => allows(list, name) }
  })
}

/** Plain data of an allow-list. */
export function toAllowList(names: readonly string[]): AllowList {
  return names.length === 0 ? NONE : names.includes('*') ? ALL : { all: false, names: new Set(names) }
}

/** Whether a list lets a name pass. */
export function allows(list: AllowList, name: string): boolean {
  return list.all || list.names.has(name)
}

/** Nothing is allowed. One for all: 100,000 virtual keys have three lists each, which cross to every thread. */
export const NONE: AllowList = { all: false, names: new Set() }

/** Everything is allowed. */
export const ALL: AllowList = { all: true, names: new Set() }

function faults(names: readonly string[]): string[] {
  const found: string[] = []
  if (names.includes('*') && names.length > 1) found.push('"*" allows everything and cannot stand beside other names')
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  for (const name of twice) found.push(`${JSON.stringify(name)} appears twice`)
  if (names.includes('')) found.push('an empty name')
  return found
}
