import type { Authenticator } from '../../core/provider.ts'

/** `Authorization: Bearer <token>` of the minted credential; nothing where the key mints none. */
export const signWithToken: NonNullable<Authenticator['sign']> = (_request, { credential }) =>
  credential ? [['authorization', `Bearer ${credential.values.token}`]] : undefined
