import type { Authenticator, Credential } from '../../core/provider.ts'
import type { KeySettings } from '../../core/snapshot.ts'
import { signWithToken, TOKEN_SERVER_MS } from './minted.ts'

const DEFAULT_SCOPE = 'https://cognitiveservices.azure.com/.default'
/** Microsoft's own sign-in hosts. Any other, of a private cloud (AZURE_AUTHORITY_HOST), is not one that Microsoft could vouch for. */
const PUBLIC_HOSTS = /^https:\/\/login\.(microsoftonline\.(com|us)|chinacloudapi\.cn|partner\.microsoftonline\.cn)\/?$/

/**
 * Azure: an Entra application where the key's block names one, else the key in a header of this name, else whatever the machine is
 * signed in with. https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication
 */
export function azure(header: string): Authenticator {
  return {
    headers: (key) => (isApplication(key) || key.value === '' ? [] : [[header, key.value]]),
    mint: (key) => (isApplication(key) || key.value === '' ? () => mintToken(key) : undefined),
    sign: signWithToken,
  }
}

function isApplication({ config }: KeySettings): boolean {
  return [config.client_id, config.client_secret, config.tenant_id].every((part) => typeof part === 'string')
}

async function mintToken(key: KeySettings): Promise<Credential> {
  const { ClientSecretCredential, DefaultAzureCredential } = await import('@azure/identity')
  const { client_id: client, client_secret: secret, tenant_id: tenant, scopes } = key.config
  const { AZURE_AUTHORITY_HOST: host } = process.env
  const options = { disableInstanceDiscovery: host !== undefined && host !== '' && !PUBLIC_HOSTS.test(host) }
  const source = isApplication(key)
    ? new ClientSecretCredential(String(tenant), String(client), String(secret), options)
    : new DefaultAzureCredential(options)
  const scope = Array.isArray(scopes) ? scopes.map(String) : DEFAULT_SCOPE
  const token = await source.getToken(scope, { requestOptions: { timeout: TOKEN_SERVER_MS } })
  if (!token) throw new Error('Entra gave no token')
  return { values: { token: token.token }, expiresAt: token.expiresOnTimestamp }
}
