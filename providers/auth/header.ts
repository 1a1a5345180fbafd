import type { Authenticate } from '../../core/provider.ts'

/** The key alone in a header of its own (lower-case name); nothing when the key has no value. */
export function header(name: string): Authenticate {
  return ({ value }) => (value === '' ? [] : [[name, value]])
}
