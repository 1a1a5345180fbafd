import type { Authenticator } from '../../core/provider.ts'

/** `Authorization: Bearer <key>`; nothing when the key has no value. */
export const bearer: Authenticator = {
  headers: ({ value }) => (value === '' ? [] : [['authorization', `Bearer ${value}`]]),
}
