import { createHash, createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Authenticator, AuthKind, Credential, SignableRequest } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { authenticators } from '../../providers/auth/index.ts'

const settings = {} as ProviderSettings
const key = (config: object, value = '') => ({ id: 'k', name: 'main', value, config }) as unknown as KeySettings
const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8')

const closing: (() => void)[] = []
afterEach(() => {
  vi.unstubAllEnvs()
  for (const close of closing.splice(0)) close()
})

interface Asked {
  method: string
  path: string
  form: URLSearchParams
  headers: IncomingMessage['headers']
}

/** A token server that keeps what it was asked and answers all requests alike. */
async function tokenServer(answer: { status?: number; type?: string; body: string | ((url: string) => string) }, isTls = false) {
  const asked: Asked[] = []
  let url = ''
  const listener: RequestListener = (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      asked.push({ method: request.method ?? '', path: request.url ?? '', form: new URLSearchParams(body), headers: request.headers })
      response
        .writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' })
        .end(typeof answer.body === 'string' ? answer.body : answer.body(url))
    })
  }
  const server = isTls ? createTlsServer({ key: fixture('server.key'), cert: fixture('server.pem') }, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  url = isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`
  return { asked, url }
}

function minted(kind: AuthKind, of: KeySettings): Promise<Credential> {
  const mint = (authenticators[kind] as Authenticator).mint?.(of, settings)
  if (!mint) throw new Error('nothing is minted')
  return mint()
}

describe('google', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const account = (tokenUri: string) =>
    JSON.stringify({
      type: 'service_account',
      project_id: 'project',
      client_email: 'gateway@project.iam.gserviceaccount.com',
      private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: tokenUri,
    })

  test('a service account signs a grant and gets a token', async () => {
    const { asked, url } = await tokenServer({ body: '{"access_token":"ya29.one","expires_in":3600,"token_type":"Bearer"}' })
    const before = Date.now()
    const credential = await minted('google', key({ auth_credentials: account(`${url}/token`) }))
    expect(credential.values).toEqual({ token: 'ya29.one' })
    expect(credential.expiresAt - before).toBeGreaterThan(3_500_000)
    const [head = '', claims = '', signature = ''] = (asked[0]?.form.get('assertion') ?? '').split('.')
    expect(asked[0]?.path).toBe('/token')
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), pair.publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: 'gateway@project.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: `${url}/token`,
    })
  })

  test('a token without an end is taken to live for an hour', async () => {
    const { url } = await tokenServer({ body: '{"access_token":"ya29.one"}' })
    const { expiresAt } = await minted('google', key({ auth_credentials: account(url) }))
    expect(Math.abs(expiresAt - Date.now() - 3_600_000)).toBeLessThan(60_000)
  })

  test.each([
    ['HTML', { type: 'text/html', body: '<html>login</html>' }, 'the token server answered 200 with no JSON'],
    [
      'a refusal',
      { status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}' },
      'the token server answered 400: invalid_grant: Invalid JWT Signature.',
    ],
  ])('a server that answers %s gives no token, and a reason', async (_, answer, reason) => {
    const { url } = await tokenServer(answer)
    await expect(minted('google', key({ auth_credentials: account(url) }))).rejects.toThrow(reason)
  })

  test('a workload identity changes the token of its file for one of Google', async () => {
    const { asked, url } = await tokenServer({
      body: '{"access_token":"ya29.two","expires_in":1800,"token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}',
    })
    const folder = mkdtempSync(join(tmpdir(), 'bifrost-identity-'))
    closing.push(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'token'), 'the-workload-token')
    const description = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/own',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${url}/v1/token`,
      credential_source: { file: join(folder, 'token') },
    }
    const path = join(folder, 'identity.json')
    writeFileSync(path, JSON.stringify(description))
    const credential = await minted('google', key({ auth_credentials: path }))
    expect(credential.values).toEqual({ token: 'ya29.two' })
    expect(Math.abs(credential.expiresAt - Date.now() - 1_800_000)).toBeLessThan(60_000)
    expect(asked[0]?.form.get('subject_token')).toBe('the-workload-token')
  })
})

describe('entra', () => {
  const application = { client_id: 'application', client_secret: 'a-long-client-secret', tenant_id: 'tenant' }

  test('an application gets a token for the scope, although the key has a value', async () => {
    tls.setDefaultCACertificates([...tls.getCACertificates(), fixture('ca.pem')])
    const token = { access_token: 'entra-token', expires_in: 3599, token_type: 'Bearer' }
    const places = (base: string) => ({
      issuer: `${base}/tenant/v2.0`,
      authorization_endpoint: `${base}/tenant/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/tenant/oauth2/v2.0/token`,
      jwks_uri: `${base}/keys`,
    })
    const { asked, url } = await tokenServer({ body: (base) => JSON.stringify({ ...places(base), ...token }) }, true)
    vi.stubEnv('AZURE_AUTHORITY_HOST', url)
    const of = key(application, 'a-key')
    const credential = await minted('entra', of)
    expect(credential.values).toEqual({ token: 'entra-token' })
    expect(authenticators.entra.headers(of, settings)).toEqual([])
    const grant = asked.find(({ method }) => method === 'POST')
    expect(grant?.path).toMatch(/^\/tenant\/oauth2\/v2\.0\/token/)
    expect(grant?.form.get('scope')).toContain('https://cognitiveservices.azure.com/.default')
    expect(grant?.form.get('client_secret')).toBe('a-long-client-secret')
  })
})

describe('sigv4', () => {
  const sigv4: Authenticator = authenticators.sigv4
  const own = { access_key: 'AKIDEXAMPLE', secret_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', region: 'eu-west-1' }
  const body = [Buffer.from('{"a":'), Buffer.from('1}')]
  const request: SignableRequest = {
    method: 'POST',
    protocol: 'https:',
    host: 'localhost:8443',
    path: '/model/arn%3Aaws%3Abedrock%2Fclaude%3A0/converse?b=2&a=1%2F2',
    headers: [
      ['content-type', 'application/json'],
      ['user-agent', 'not signed'],
    ],
    body,
    now: Date.UTC(2026, 0, 2, 3, 4, 5),
  }
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
  const hmac = (secret: string | Buffer, data: string) => createHmac('sha256', secret).update(data).digest()

  /** The algorithm as AWS describes it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
  function expected(token?: string): string {
    const hash = sha256(Buffer.concat(body))
    const names = `content-type;host;x-amz-content-sha256;x-amz-date${token ? ';x-amz-security-token' : ''}`
    const canonical = [
      'POST',
      '/model/arn%253Aaws%253Abedrock%252Fclaude%253A0/converse',
      'a=1%2F2&b=2',
      'content-type:application/json',
      'host:localhost:8443',
      `x-amz-content-sha256:${hash}`,
      'x-amz-date:20260102T030405Z',
      ...(token ? [`x-amz-security-token:${token}`] : []),
      '',
      names,
      hash,
    ].join('\n')
    const scope = '20260102/eu-west-1/bedrock/aws4_request'
    const secret = ['20260102', 'eu-west-1', 'bedrock', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${own.secret_key}`)
    const signature = hmac(secret, ['AWS4-HMAC-SHA256', '20260102T030405Z', scope, sha256(canonical)].join('\n')).toString('hex')
    return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`
  }
  const signed = async (of: KeySettings, credential?: Credential) =>
    Object.fromEntries((await sigv4.sign?.(request, { key: of, settings, credential })) ?? [])

  test('signs the path as it is sent, escaped once more, with the body', async () => {
    expect(sigv4.mint?.(key(own), settings)).toBeUndefined()
    expect((await signed(key(own))).authorization).toBe(expected())
  })

  test('signs with a session token, of the key or of a minted credential', async () => {
    const lines = await signed(key({ ...own, session_token: 'session' }))
    expect(lines).toMatchObject({ authorization: expected('session'), 'x-amz-security-token': 'session' })
    const values = { accessKeyId: own.access_key, secretAccessKey: own.secret_key, sessionToken: 'session' }
    expect((await signed(key({ region: 'eu-west-1' }), { values, expiresAt: 0 })).authorization).toBe(expected('session'))
  })

  test('takes on a role with the keys of its own', async () => {
    const role = '<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>'
    const end = '2030-01-01T00:00:00Z'
    const { asked, url } = await tokenServer({
      type: 'text/xml',
      body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${role}<Expiration>${end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    })
    vi.stubEnv('AWS_ENDPOINT_URL_STS', url)
    const credential = await minted('sigv4', key({ ...own, role_arn: 'arn:aws:iam::1:role/models', external_id: 'outside' }))
    expect(credential).toEqual({ values: { accessKeyId: 'ASIA', secretAccessKey: 's', sessionToken: 't' }, expiresAt: Date.parse(end) })
    expect(Object.fromEntries(asked[0]?.form ?? [])).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: 'arn:aws:iam::1:role/models',
      RoleSessionName: 'bifrost-session',
      ExternalId: 'outside',
    })
    expect(asked[0]?.headers.authorization).toContain('Credential=AKIDEXAMPLE/')
  })
})
