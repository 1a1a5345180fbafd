import { createHash, createHmac } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { loadConfig } from '../../core/config/load.ts'
import type { PathFacts, Provider } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { format as anthropicMessages } from '../../providers/formats/anthropic-messages/index.ts'
import { gemini } from '../../providers/gemini.ts'
import { plannedProviders, providers } from '../../providers/index.ts'
import { vertex } from '../../providers/vertex.ts'
import { createGateway } from '../../transports/testing.ts'
import { type SeenRequest, startUpstream } from '../helpers/upstream.ts'

interface Asked {
  status: number
  text: string | undefined
  seen: SeenRequest | undefined
}

/** Asks `provider/model` through a gateway with this provider before the fake one. */
async function ask(name: string, block: JsonObject, model: string, body: object = {}): Promise<Asked> {
  const upstream = await startUpstream()
  const network_config = { base_url: upstream.url, ...((block.network_config as JsonObject | undefined) ?? {}) }
  const config = JSON.parse(
    JSON.stringify({ providers: { [name]: { ...block, network_config } } }).replaceAll('URL', upstream.url),
  ) as JsonObject
  const gateway = await createGateway({ config })
  onTestFinished(async () => {
    await gateway.close()
    await upstream.close()
  })
  const request = { model: `${name}/${model}`, messages: [{ role: 'user', content: 'hi' }], ...body }
  const answer = await gateway.fetch('/v1/chat/completions', request)
  const read = (await answer.json()) as { choices?: { message: { content: string } }[] }
  return { status: answer.status, text: read.choices?.[0]?.message.content, seen: upstream.requests.at(-1) }
}

const key = (more: JsonObject = {}): JsonObject => ({ name: 'main', value: 'sk-secret', models: ['*'], ...more })

describe('azure', () => {
  const endpoint = 'https://mine.openai.azure.com/'
  const block = (config: JsonObject, more: JsonObject = {}): JsonObject => ({
    keys: [key({ azure_key_config: { endpoint, ...config }, ...more })],
  })

  test.each([
    [{}, 'text', '/openai/v1/chat/completions'],
    [{ api_version: 'preview' }, 'text', '/openai/v1/chat/completions?api-version=preview'],
    [{ api_version: '2024-10-21' }, 'text', '/openai/deployments/text/chat/completions?api-version=2024-10-21'],
    [{}, 'claude-sonnet-4-5', '/anthropic/v1/messages'],
  ])('%j asks for %s at %s', async (config, model, path) => {
    const { status, seen } = await ask('azure', block(config), model)
    expect(status).toBe(200)
    expect(seen?.headText.split(' ')[1]).toBe(path)
    expect(seen?.headers.get(model.startsWith('claude') ? 'x-api-key' : 'api-key')).toBe('sk-secret')
    expect(seen?.headers.get('authorization')).toBeUndefined()
  })

  test('an alias names the deployment', async () => {
    const { seen } = await ask('azure', block({}, { aliases: { 'gpt-4o': 'my-deployment' } }), 'gpt-4o')
    expect(seen?.json).toMatchObject({ model: 'my-deployment' })
  })
})

describe('bedrock', () => {
  test('a Bedrock API key is a bearer token', async () => {
    const { text, seen } = await ask('bedrock', { keys: [key()] }, 'anthropic.claude-3-5-haiku-20241022-v1:0')
    expect(text).toContain('fake provider')
    expect(seen?.path).toBe('/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/converse')
    expect(seen?.headers.get('authorization')).toBe('Bearer sk-secret')
  })

  test('an alias below an ARN', async () => {
    const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile'
    const { seen } = await ask(
      'bedrock',
      { keys: [key({ aliases: { mine: 'abc123' }, bedrock_key_config: { region: 'us-east-1', arn } })] },
      'mine',
    )
    expect(decodeURIComponent(seen?.path ?? '')).toBe(`/model/${arn}/abc123/converse`)
  })

  test.each([{}, { session_token: 'the-session' }])('static keys sign each request (%j)', async (session) => {
    const config = { access_key: 'AKIDEXAMPLE', secret_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', region: 'eu-west-1', ...session }
    const { status, seen } = await ask(
      'bedrock',
      { keys: [{ name: 'main', models: ['*'], bedrock_key_config: config }] },
      'amazon.nova-lite-v1:0',
    )
    expect(status).toBe(200)
    expect(seen && verify(seen, config)).toBe(true)
    expect(seen?.headers.get('x-amz-security-token')).toBe((session as { session_token?: string }).session_token)
    expect(seen?.headText).not.toContain(config.secret_key)
  })
})

/** The signature, computed anew by AWS's description: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function verify(seen: SeenRequest, { secret_key: secret, region }: { secret_key: string; region: string }): boolean {
  const fields = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(seen.headers.get('authorization') ?? '')
  const [, scope = '', signed = '', signature] = fields ?? []
  const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')
  const hmac = (by: string | Buffer, text: string): Buffer => createHmac('sha256', by).update(text).digest()
  const lines = signed.split(';').map((name) => `${name}:${seen.headers.get(name)}\n`)
  // Paths are encoded once more than they are sent, for every service but S3.
  const path = seen.path.split('/').map(encodeURIComponent).join('/')
  const canonical = [seen.method, path, '', lines.join(''), signed, sha256(seen.body)].join('\n')
  const date = seen.headers.get('x-amz-date') ?? ''
  const [day = ''] = scope.split('/')
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const signingKey = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), 'bedrock'), 'aws4_request')
  expect(scope).toBe(`${day}/${region}/bedrock/aws4_request`)
  return hmac(signingKey, toSign).toString('hex') === signature
}

/** The path that an entry, or the variant that serves this model, asks for. */
function pathFor(entry: Provider, facts: Pick<PathFacts, 'model'> & Partial<PathFacts>): unknown {
  const path = (entry.variant?.(facts.model, 'chat_completion') ?? entry).paths.chat_completion
  const settings = { network: {} } as ProviderSettings
  return typeof path === 'function' ? path({ isStream: false, key: undefined, settings, ...facts }) : path
}

describe('vertex', () => {
  const keyIn = (region: string): KeySettings =>
    ({ config: { project_id: 'my-project', project_number: '123456', region } }) as unknown as KeySettings
  const below = '/v1/projects/my-project/locations/us-central1/publishers'

  test.each([
    ['us-central1', 'https://us-central1-aiplatform.googleapis.com'],
    ['global', 'https://aiplatform.googleapis.com'],
    ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
  ])('%s is at %s, for every family of models', (region, host) => {
    const entries = ['gemini-2.5-pro', 'claude-opus-4', 'mistral-large'].map(
      (model) => vertex.variant?.(model, 'chat_completion') ?? vertex,
    )
    expect(entries.map((entry) => entry.keyBaseUrl?.(keyIn(region)))).toEqual([host, host, host])
  })

  test.each([
    ['gemini-2.5-pro', false, `${below}/google/models/gemini-2.5-pro:generateContent`],
    ['gemini-2.5-pro', true, `${below}/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse`],
    ['claude-opus-4', false, `${below}/anthropic/models/claude-opus-4:rawPredict`],
    ['claude-opus-4', true, `${below}/anthropic/models/claude-opus-4:streamRawPredict`],
    ['mistral-large', true, `${below}/mistralai/models/mistral-large:streamRawPredict`],
    ['987654', false, '/v1/projects/123456/locations/us-central1/endpoints/987654:generateContent'],
  ])('%s (stream: %s) is asked at %s', (model, isStream, path) => {
    expect(pathFor(vertex, { model, isStream, key: keyIn('us-central1') })).toBe(path)
  })

  test('the body of a Claude model has its version and no model, and neither counts as dropped', () => {
    const quirks = vertex.variant?.('claude-opus-4', 'chat_completion')?.quirks
    const request = {
      model: 'claude-opus-4',
      messages: [{ role: 'user' as const, parts: [{ type: 'text' as const, text: 'hi' }] }],
      stream: true,
    }
    const encoded = anthropicMessages.outbound?.encodeRequest(request, { quirks, defaultMaxOutputTokens: 9 })
    const content = [{ type: 'text', text: 'hi' }]
    const body = { anthropic_version: 'vertex-2023-10-16', max_tokens: 9, messages: [{ role: 'user', content }], stream: true }
    expect(encoded).toEqual({ body })
    expect(anthropicMessages.outbound?.adapt?.({ model: 'x', ...body }, quirks ?? {})).toEqual({ body, dropped: [] })
  })

  test('models are listed by their bare names', () => {
    const body = { publisherModels: [{ name: 'publishers/google/models/gemini-2.5-pro' }] }
    expect(vertex.modelIds?.(body)).toEqual(['gemini-2.5-pro'])
  })
})

describe('gemini', () => {
  test.each([
    ['gemini-2.5-flash', false, '/v1beta/models/gemini-2.5-flash:generateContent'],
    ['gemini-2.5-flash', true, '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'],
    ['tunedModels/mine', false, '/v1beta/tunedModels/mine:generateContent'],
    ['models/../x', false, '/v1beta/models/..%2Fx:generateContent'],
  ])('%s (stream: %s) is asked at %s', (model, isStream, path) => {
    expect(pathFor(gemini, { model, isStream })).toBe(path)
  })

  test('models are listed by their bare names', () => {
    expect(gemini.modelIds?.({ models: [{ name: 'models/gemini-2.5-flash' }] })).toEqual(['gemini-2.5-flash'])
    expect(gemini.modelIds?.({ error: {} })).toEqual([])
  })
})

describe('huggingface', () => {
  test.each([
    ['together/meta-llama/Llama-3-8B', 'meta-llama/Llama-3-8B:together'],
    ['fireworks/meta-llama/Llama-3-8B', 'meta-llama/Llama-3-8B:fireworks-ai'],
    ['auto/meta-llama/Llama-3-8B', 'meta-llama/Llama-3-8B'],
    ['meta-llama/Llama-3-8B', 'meta-llama/Llama-3-8B'],
    ['cohere/command-r', 'cohere/command-r'],
  ])('%s is sent as %s', async (model, sent) => {
    const { seen } = await ask('huggingface', { keys: [key()] }, model)
    expect(seen?.path).toBe('/v1/chat/completions')
    expect(seen?.json).toMatchObject({ model: sent })
  })
})

test('a whole URL in request_path_overrides replaces base URL and path', async () => {
  const block = {
    keys: [key()],
    network_config: { base_url: 'http://127.0.0.1:9' },
    custom_provider_config: { base_provider_type: 'openai', request_path_overrides: { chat_completion: 'URL/elsewhere/chat/completions' } },
  }
  const { status, seen } = await ask('mine', block, 'text')
  expect([status, seen?.path]).toEqual([200, '/elsewhere/chat/completions'])
})

describe('what can be known at boot', () => {
  const load = (blocks: JsonObject) =>
    loadConfig({ config: { providers: blocks }, env: {}, builtins: { providers, planned: plannedProviders, plugins: [] } })
  const problems = (blocks: JsonObject): string[] => load(blocks).problems
  const onVertex = (config: JsonObject): JsonObject => ({ vertex: { keys: [{ name: 'main', models: ['*'], vertex_key_config: config }] } })
  const place = { project_id: 'my-project', region: 'us-central1' }
  const vertexAt = 'providers.vertex.keys[0].vertex_key_config'
  const kinds = 'service_account, external_account, authorized_user, impersonated_service_account'

  test.each<[string, JsonObject, string]>([
    ['azure without its block', { azure: { keys: [key()] } }, 'providers.azure.keys[0].azure_key_config: is required'],
    [
      'an endpoint that is no URL',
      { azure: { keys: [key({ azure_key_config: { endpoint: 'mine' } })] } },
      'providers.azure.keys[0].azure_key_config.endpoint: is not a URL',
    ],
    [
      'a region that cannot be',
      { bedrock: { keys: [key({ bedrock_key_config: { region: 'mars-1' } })] } },
      'providers.bedrock.keys[0].bedrock_key_config.region: is no AWS region, such as us-east-1',
    ],
    [
      'half of a pair of keys',
      { bedrock: { keys: [key({ bedrock_key_config: { region: 'us-east-1', access_key: 'AKID' } })] } },
      'providers.bedrock.keys[0].bedrock_key_config: access_key and secret_key belong together',
    ],
    [
      "another provider's block",
      { bedrock: { keys: [key({ azure_key_config: { endpoint: 'https://mine.openai.azure.com' } })] } },
      'providers.bedrock.keys[0].azure_key_config: belongs to another provider',
    ],
    ['vertex without its block', { vertex: { keys: [key()] } }, `${vertexAt}: is required`],
    ['no project', onVertex({ region: 'us-central1' }), `${vertexAt}.project_id: is required`],
    [
      'a region of another cloud',
      onVertex({ ...place, region: 'us-east-1' }),
      `${vertexAt}.region: is no Google Cloud region, such as us-central1, global, us or eu`,
    ],
    ['credentials that are broken JSON', onVertex({ ...place, auth_credentials: '{"type":' }), `${vertexAt}.auth_credentials: is not JSON`],
    [
      'credentials of another kind',
      onVertex({ ...place, auth_credentials: '{"type":"web"}' }),
      `${vertexAt}.auth_credentials: is no credential of Google's: its type must be one of ${kinds}`,
    ],
    [
      'a credential file that is not there',
      onVertex({ ...place, auth_credentials: '/nowhere/account.json' }),
      `${vertexAt}.auth_credentials: is no JSON, and no file that can be read (ENOENT)`,
    ],
    [
      'a credential file that is no JSON',
      onVertex({ ...place, auth_credentials: import.meta.filename }),
      `${vertexAt}.auth_credentials: names a file that is no JSON`,
    ],
    [
      'a path that names the model',
      {
        mine: {
          keys: [key()],
          custom_provider_config: { base_provider_type: 'bedrock', request_path_overrides: { chat_completion: '/chat' } },
        },
      },
      'providers.mine.custom_provider_config.request_path_overrides.chat_completion: cannot be set: the path of this base names the model',
    ],
  ])('%s', (_, blocks, problem) => {
    expect(problems(blocks)).toContain(problem)
  })

  test('the secrets of a key, those inside an account too, are known to the redactor', () => {
    const account = { type: 'service_account', client_email: 'me@example.test', private_key: 'line one of it\nline two of it' }
    const { problems: none, secrets } = load({
      ...onVertex({ ...place, auth_credentials: JSON.stringify(account) }),
      bedrock: {
        keys: [{ name: 'aws', models: ['*'], bedrock_key_config: { access_key: 'AKID-1', secret_key: 'sk-1', session_token: 'st-1' } }],
      },
    })
    expect(none).toEqual([])
    expect(secrets).toEqual(expect.arrayContaining([JSON.stringify(account), account.private_key, 'AKID-1', 'sk-1', 'st-1']))
  })
})
