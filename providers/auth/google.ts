import type { Authenticator, Credential } from '../../core/provider.ts'
import type { KeySettings } from '../../core/snapshot.ts'
import { readGoogleAccount } from './google-account.ts'
import { signWithToken } from './minted.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
/** What Google's tokens live, where an answer does not say, in milliseconds. */
const DEFAULT_LIFE_MS = 3600_000

/**
 * Google Cloud: a service account or a workload identity in the key's block, else an API key, else the credentials of the
 * machine. https://cloud.google.com/docs/authentication
 */
export const google: Authenticator = {
  headers: (key) => (usesKey(key) ? [['x-goog-api-key', key.value]] : []),
  mint: (key) => (usesKey(key) ? undefined : () => mintToken(key)),
  sign: signWithToken,
}

function usesKey({ value, config }: KeySettings): boolean {
  return value !== '' && config.auth_credentials === undefined
}

async function mintToken({ config }: KeySettings): Promise<Credential> {
  const { GoogleAuth } = await import('google-auth-library')
  const { auth_credentials: account } = config
  const credentials = typeof account === 'string' ? { credentials: readGoogleAccount(account) } : {}
  const client = await new GoogleAuth({ scopes: [SCOPE], ...credentials }).getClient()
  const { token } = await client.getAccessToken()
  if (!token) throw new Error('Google gave no token')
  return { values: { token }, expiresAt: client.credentials.expiry_date ?? Date.now() + DEFAULT_LIFE_MS }
}
