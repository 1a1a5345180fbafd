import type { Authenticator } from '../../core/provider.ts'

/** How long a token server may take, in milliseconds: the mint has given up by then, and the connection should end as well. */
export const TOKEN_SERVER_MS = 10_000

/** `Authorization: Bearer <token>` of the minted credential; nothing where the key mints none. */
export const signWithToken: NonNullable<Authenticator['sign']> = (_request, { credential }) =>
  credential ? [['authorization', `Bearer ${credential.values.token}`]] : undefined
