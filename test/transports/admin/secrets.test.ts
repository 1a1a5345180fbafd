import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { adminRoutes } from '../../../transports/admin/index.ts'
import { hashPassword, sameText, verifyPassword } from '../../../transports/admin/password.ts'
import type { AdminTools } from '../../../transports/admin/tools.ts'
import { CHAT, manageOne } from './support.ts'

const canary = (what: string) => `CANARY-${what}-0123456789abcdef`
const ADMIN = { authorization: `Basic ${Buffer.from(`admin:${canary('admin')}`).toString('base64')}` }
const lines: string[] = []
const managed = manageOne(
  (url) => ({
    client: { whitelisted_routes: ['/v1/*'] },
    providers: {
      openai: {
        network_config: { base_url: url, extra_headers: { 'x-team': canary('header') } },
        proxy_config: { type: 'none', username: 'me', password: canary('proxy') },
        keys: [{ id: 'o', name: 'o', value: canary('openai'), models: ['*'] }],
      },
      azure: {
        keys: [
          {
            id: 'z',
            name: 'z',
            models: ['*'],
            azure_key_config: { endpoint: 'https://a.example.com', client_id: 'c', client_secret: canary('azure'), tenant_id: 't' },
          },
        ],
      },
      vertex: {
        keys: [
          {
            id: 'v',
            name: 'v',
            models: ['*'],
            vertex_key_config: {
              project_id: 'my-project',
              region: 'us-central1',
              auth_credentials: JSON.stringify({ type: 'service_account', client_email: 'a@b.c', private_key: canary('vertex') }),
            },
          },
        ],
      },
      bedrock: {
        keys: [
          {
            id: 'b',
            name: 'b',
            models: ['*'],
            bedrock_key_config: {
              region: 'eu-central-1',
              access_key: canary('access'),
              secret_key: canary('secret'),
              session_token: canary('session'),
            },
          },
        ],
      },
    },
    mcp: {
      client_configs: [
        {
          client_id: 'm',
          name: 'tools',
          connection_type: 'http',
          connection_string: `https://mcp.example.com/${canary('connection')}`,
          headers: { authorization: canary('mcp') },
        },
      ],
    },
    governance: {
      auth_config: { is_enabled: true, admin_username: 'admin', admin_password: canary('admin'), disable_auth_on_inference: true },
      virtual_keys: [
        {
          id: 'vk',
          name: 'vk',
          value: `sk-bf-${canary('virtual')}`,
          provider_configs: [{ provider: 'openai', allowed_models: ['*'], key_ids: ['*'] }],
        },
      ],
      teams: [{ id: 't', name: 't' }],
    },
  }),
  { onLog: (line) => void lines.push(line), logLevel: 'debug' },
)

/** Every GET of the API, ids filled in. */
function reads(): string[] {
  const ids: Record<string, string> = { provider: 'openai', key_id: 'o', vk_id: 'vk', team_id: 't', name: 'nobody' }
  const routes = adminRoutes({ config: managed.gateway.live, auth: {}, builtins: { providers: [], plugins: [] } } as unknown as AdminTools)
  // Lists of models ask providers that these tests do not have; theirs are looked at in models.test.ts.
  const paths = routes.filter(({ method, path }) => method === 'GET' && !path.startsWith('/api/models')).map(({ path }) => path)
  const others = ['azure/keys/z', 'vertex/keys/v', 'bedrock/keys/b', 'azure', 'bedrock'].map((path) => `/api/providers/${path}`)
  return [...paths.map((path) => path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'nobody')), ...others]
}

describe('secrets', () => {
  test('are in no answer of the API', async () => {
    const paths = [...reads(), '/api/governance/virtual-keys?export=csv', '/health', '/api/version', '/v1/models?provider=openai']
    expect(paths.length).toBeGreaterThan(20)
    for (const path of paths) {
      const { text, headers } = await managed.call('GET', path, undefined, ADMIN)
      expect([path, /CANARY-/.test(text + JSON.stringify([...headers]))]).toEqual([path, false])
    }
  })
  test('are in no refusal, and in no line of the log', async () => {
    const wrong: [string, string, JsonObject][] = [
      ['POST', '/api/providers/openai/keys', { name: 'o', value: canary('sent') }],
      ['PUT', '/api/providers/bedrock/keys/b', { name: 'b', bedrock_key_config: { secret_key: canary('sent') } }],
      ['PUT', '/api/providers/vertex/keys/v', { name: 'v', vertex_key_config: { auth_credentials: canary('sent') } }],
      ['POST', '/api/governance/virtual-keys', { name: 'x', value: `${canary('sent')} with spaces` }],
      ['POST', '/api/governance/virtual-keys', { name: 'x', value: `sk-bf-${canary('virtual')}` }],
      ['PUT', '/api/config', { auth_config: { is_enabled: true, admin_password: canary('sent') } }],
      ['POST', '/api/session/login', { username: canary('sent'), password: canary('sent') }],
    ]
    for (const [method, path, body] of wrong) {
      const answer = await managed.call(method, path, body, ADMIN)
      expect([path, answer.status >= 400, answer.text.includes('CANARY-')]).toEqual([path, true, false])
    }
    await managed.call('POST', '/v1/chat/completions', { ...CHAT, model: 'azure/x' }, { 'x-bf-vk': `sk-bf-${canary('virtual')}` })
    expect(lines.join('\n')).not.toContain('CANARY-')
  })
})

describe('passwords', () => {
  test('are kept as salted hashes, and compared without telling', async () => {
    const [one, other] = [await hashPassword('a password'), await hashPassword('a password')]
    expect(one).not.toBe(other)
    expect(one).not.toContain('a password')
    expect([await verifyPassword('a password', one), await verifyPassword('a passwort', one)]).toEqual([true, false])
    expect([await verifyPassword('plain', 'plain'), await verifyPassword('plain', 'other')]).toEqual([true, false])
    expect([sameText('a', 'a'), sameText('a', 'ab'), sameText('', 'a')]).toEqual([true, false, false])
  })
  test('an empty one lets nobody in', async () => {
    expect(await verifyPassword('', '')).toBe(false)
  })
})
