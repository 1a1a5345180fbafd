import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { HeaderList } from '../../core/edge.ts'
import type { Authenticator, Credential, SignableRequest } from '../../core/provider.ts'
import type { KeySettings } from '../../core/snapshot.ts'
import { TOKEN_SERVER_MS } from './minted.ts'

const SERVICE = 'bedrock'
/** What the entry's base URL says where the key says nothing. */
const DEFAULT_REGION = 'us-east-1'
const DEFAULT_SESSION = 'bifrost-session'

/**
 * AWS: a Bedrock API key as a bearer token, else a signature of version 4, made with the key's own access key, a role taken on, or
 * what the machine is signed in with. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export const sigv4: Authenticator = {
  headers: ({ value }) => (value === '' ? [] : [['authorization', `Bearer ${value}`]]),
  mint: (key) => (key.value !== '' || isStatic(key) ? undefined : () => mintKeys(key)),
  sign: (request, { key, credential }) => (key.value === '' ? signRequest(request, key, credential) : undefined),
}

function isStatic({ config }: KeySettings): boolean {
  return typeof config.access_key === 'string' && config.access_key !== '' && !config.role_arn
}

interface Keys {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

function staticKeys({ config }: KeySettings): Keys | undefined {
  const { access_key: id, secret_key: secret, session_token: token } = config
  if (typeof id !== 'string' || id === '' || typeof secret !== 'string') return undefined
  return { accessKeyId: id, secretAccessKey: secret, ...(typeof token === 'string' && token !== '' && { sessionToken: token }) }
}

async function mintKeys(key: KeySettings): Promise<Credential> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const { role_arn: role, external_id: external, session_name: session } = key.config
  const own = staticKeys(key)
  const requestHandler = { connectionTimeout: TOKEN_SERVER_MS, requestTimeout: TOKEN_SERVER_MS, throwOnRequestTimeout: true }
  const clientConfig = { region: regionOf(key), requestHandler }
  const provider =
    typeof role === 'string' && role !== ''
      ? fromTemporaryCredentials({
          params: {
            RoleArn: role,
            RoleSessionName: typeof session === 'string' && session !== '' ? session : DEFAULT_SESSION,
            ...(typeof external === 'string' && external !== '' && { ExternalId: external }),
          },
          clientConfig,
          ...(own && { masterCredentials: own }),
        })
      : fromNodeProviderChain({ clientConfig })
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await provider()
  const values = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
  return { values, expiresAt: expiration?.getTime() ?? Number.POSITIVE_INFINITY }
}

function regionOf({ config }: KeySettings): string {
  return typeof config.region === 'string' ? config.region : DEFAULT_REGION
}

async function signRequest(request: SignableRequest, key: KeySettings, credential: Credential | undefined): Promise<HeaderList> {
  const { SignatureV4 } = await import('@smithy/signature-v4')
  const credentials = (credential?.values ?? staticKeys(key)) as Keys | undefined
  if (!credentials) throw new Error('the key has no AWS credential')
  const signer = new SignatureV4({ service: SERVICE, region: regionOf(key), credentials, sha256: Sha256, applyChecksum: true })
  const { headers } = await signer.sign(unsigned(request), { signingDate: new Date(request.now) })
  return Object.entries(headers).filter(([name]) => name === 'authorization' || name.startsWith('x-amz-'))
}

/** The request as the signer wants it. It escapes the path once more than it is sent, as all services but S3 do. */
function unsigned({ method, protocol, host, path, headers, body }: SignableRequest) {
  const url = new URL(`${protocol}//${host}`)
  const [, pathname = '', query = ''] = /^([^?]*)\??(.*)$/.exec(path) ?? []
  return {
    method,
    protocol,
    hostname: url.hostname,
    path: pathname,
    query: queryOf(query),
    headers: { host, ...Object.fromEntries(headers.filter(([name]) => isSigned(name))) },
    body: body.length === 1 ? body[0] : Buffer.concat(body),
  }
}

/** A name that comes more than once has a list of values. */
function queryOf(text: string): Record<string, string[]> {
  const query = new URLSearchParams(text)
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, query.getAll(name)]))
}

/** What a proxy may change on the way stays out of the signature. */
function isSigned(name: string): boolean {
  return name === 'content-type' || name.startsWith('x-amz-')
}

/** The hash that the signer asks for, by Node's own. */
class Sha256 {
  readonly #secret: string | Uint8Array | undefined
  #hash: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined || typeof secret === 'string' ? secret : bytesOf(secret)
    this.#hash = this.#begin()
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }

  reset(): void {
    this.#hash = this.#begin()
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
}
