import type { Authenticator } from '../../core/provider.ts'

/** The key alone in a header of its own (lower-case name); nothing when the key has no value. */
export function header(name: string): Authenticator {
  return { headers: ({ value }) => (value === '' ? [] : [[name, value]]) }
}
