import type { Authenticate } from '../../core/provider.ts'

/** `Authorization: Bearer <key>`; nothing when the key has no value. */
export const bearer: Authenticate = ({ value }) => (value === '' ? [] : [['authorization', `Bearer ${value}`]])
