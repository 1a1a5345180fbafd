import { createSign } from 'node:crypto'
import { isObject } from '../../core/canonical/json.ts'
import type { Authenticator, Credential } from '../../core/provider.ts'
import type { KeySettings } from '../../core/snapshot.ts'
import { isMetadataHost } from '../../core/upstream/metadata.ts'
import { type GoogleAccount, readGoogleAccount } from './google-account.ts'
import { signWithToken, TOKEN_SERVER_MS } from './minted.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
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
  const account = typeof config.auth_credentials === 'string' ? readGoogleAccount(config.auth_credentials) : undefined
  if (account && hasOwnServer(account)) return grantedToken(account)
  const { GoogleAuth } = await import('google-auth-library')
  const credentials = account ? { credentials: account } : {}
  const clientOptions = { transporterOptions: { timeout: TOKEN_SERVER_MS } }
  const client = await new GoogleAuth({ scopes: [SCOPE], clientOptions, ...credentials }).getClient()
  const { token } = await client.getAccessToken()
  if (!token) throw new Error('Google gave no token')
  return { values: { token }, expiresAt: client.credentials.expiry_date ?? Date.now() + DEFAULT_LIFE_MS }
}

/** Google's library asks Google alone, whatever the account's `token_uri` says. */
function hasOwnServer({ type, token_uri: url }: GoogleAccount): boolean {
  return type === 'service_account' && typeof url === 'string' && url !== TOKEN_URL
}

/** The grant of a service account at the server that its file names. https://developers.google.com/identity/protocols/oauth2/service-account */
async function grantedToken(account: GoogleAccount): Promise<Credential> {
  if (isMetadataHost(URL.parse(String(account.token_uri))?.hostname ?? '')) throw new Error("token_uri leads to a cloud's metadata service")
  const answer = await fetch(String(account.token_uri), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertionOf(account) }),
    redirect: 'error',
    signal: AbortSignal.timeout(TOKEN_SERVER_MS),
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (!isObject(body)) throw new Error(`the token server answered ${answer.status} with no JSON`)
  const { access_token: token, expires_in: seconds, error, error_description: description } = body
  if (typeof token !== 'string' || token === '') {
    throw new Error(
      `the token server answered ${answer.status}: ${[error, description].filter((said) => typeof said === 'string').join(': ')}`,
    )
  }
  return { values: { token }, expiresAt: Date.now() + (typeof seconds === 'number' ? seconds * 1000 : DEFAULT_LIFE_MS) }
}

function assertionOf(account: GoogleAccount): string {
  const now = Math.floor(Date.now() / 1000)
  const head = { alg: 'RS256', typ: 'JWT', ...(typeof account.private_key_id === 'string' && { kid: account.private_key_id }) }
  const claims = { iss: account.client_email, scope: SCOPE, aud: account.token_uri, iat: now, exp: now + DEFAULT_LIFE_MS / 1000 }
  const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${createSign('sha256').update(text).sign(String(account.private_key), 'base64url')}`
}
