import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { pem } from '../upstream/support.ts'
import { builtins } from './builtins.ts'

const GB = 1024 ** 3
const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function load(config: JsonObject, env: Record<string, string> = {}) {
  return loadConfig({ config, env, builtins, memoryBytes: 8 * GB })
}
function tablesOf(config: JsonObject, env: Record<string, string> = {}) {
  const { tables, problems } = load(config, env)
  expect(problems).toEqual([])
  return tables!
}
/** A provider `openai` with one good key, and whatever else. */
function openai(more: JsonObject = {}, key: JsonObject = {}): JsonObject {
  return { providers: { openai: { keys: [{ name: 'main', value: 'sk-test-0123456789', models: ['*'], ...key }], ...more } } }
}

describe('defaults', () => {
  test('an empty configuration serves the demo and has the documented defaults', () => {
    const tables = tablesOf({})
    expect([...tables.providers.keys()]).toEqual(['demo'])
    expect(tables.client.get('client')).toMatchObject({
      threads: 'auto',
      dropExcessRequests: false,
      maxRequestBodyBytes: 100 * 1024 * 1024,
      maxResponseBytes: 100 * 1024 * 1024,
      maxBufferedBodyBytes: 2 * GB,
      requestDeadlineMs: 0,
      streamCommitAfterMs: 10_000,
      maxStreamDurationMs: 0,
      drainDelayMs: 1000,
      graceMs: 30_000,
      allowedOrigins: [],
      shouldDropParams: false,
    })
  })

  test('a provider has the defaults of api.md 5.2', () => {
    const provider = tablesOf(openai()).providers.get('openai')!
    expect(provider).toMatchObject({ entry: 'openai', concurrency: 1000, bufferSize: 5000, isKeyless: false, allowedRequests: null })
    expect(provider.network).toMatchObject({
      baseUrl: undefined,
      requestTimeoutMs: 30_000,
      connectTimeoutMs: 10_000,
      streamIdleTimeoutMs: 60_000,
      maxRetries: 0,
      retryBackoffInitialMs: 500,
      retryBackoffMaxMs: 5000,
      maxConnsPerHost: 5000,
      preconnect: 0,
    })
    expect(provider.keys[0]).toMatchObject({ name: 'main', provider: 'openai', weight: 1, enabled: true, models: { all: true } })
    expect(Object.isFrozen(provider) && Object.isFrozen(provider.keys[0]) && Object.isFrozen(provider.network)).toBe(true)
  })

  test('tables cross threads as they are', () => {
    const tables = tablesOf(openai())
    expect(structuredClone(tables)).toEqual(tables)
  })

  test('the name of a key defaults to its id (D5), and its id is the same after a restart', () => {
    const byId = tablesOf({ providers: { openai: { keys: [{ id: 'k1', value: 'v' }] } } }).providers.get('openai')!.keys[0]
    expect(byId).toMatchObject({ id: 'k1', name: 'k1' })
    const ids = [1, 2].map(() => tablesOf(openai()).providers.get('openai')!.keys[0]!.id)
    expect(ids[0]).toBe(ids[1])
  })
})

describe('what is converted', () => {
  test('beta flags: the longest prefix first, in lower case', () => {
    const { betaOverrides } = tablesOf(
      openai({ network_config: { beta_header_overrides: { 'Context-': false, 'context-1m-': true, files: true } } }),
    ).providers.get('openai')!.network
    expect(betaOverrides).toEqual([
      ['context-1m-', true],
      ['context-', false],
      ['files', true],
    ])
  })

  test('the key of a client certificate may come from the environment, and is a secret', () => {
    const config = openai({ network_config: { client_cert_pem: pem('client.pem'), client_key_pem: 'env.CLIENT_KEY' } })
    const { tables, secrets, problems } = load(config, { CLIENT_KEY: pem('client.key') })
    expect(problems).toEqual([])
    expect(tables?.providers.get('openai')?.network).toMatchObject({ clientCertPem: pem('client.pem'), clientKeyPem: pem('client.key') })
    expect(secrets).toContain(pem('client.key').trim())
    expect(secrets).not.toContain(pem('client.pem').trim())
  })

  test('durations are milliseconds or Go durations', () => {
    const { network } = tablesOf(openai({ network_config: { retry_backoff_initial: '250ms', retry_backoff_max: '1m1.5s' } })).providers.get(
      'openai',
    )!
    expect(network).toMatchObject({ retryBackoffInitialMs: 250, retryBackoffMaxMs: 61_500 })
  })

  test.each([
    ['https://proxy.example/v1', 'https://proxy.example'],
    ['https://proxy.example/v1/', 'https://proxy.example'],
    ['http://127.0.0.1:8080/openai/', 'http://127.0.0.1:8080/openai'],
    ['unix:///run/proxy.sock', 'unix:///run/proxy.sock'],
  ])('base_url %s is %s', (base_url, expected) => {
    expect(tablesOf(openai({ network_config: { base_url } })).providers.get('openai')!.network.baseUrl).toBe(expected)
  })

  test('a /v1 stays where the paths do not bring it', () => {
    const config = {
      providers: { perplexity: { keys: [{ name: 'p', value: 'v' }], network_config: { base_url: 'https://x.example/v1' } } },
    }
    expect(tablesOf(config).providers.get('perplexity')!.network.baseUrl).toBe('https://x.example/v1')
  })

  test('an explicitly empty list of origins is not the absent one, which means localhost (D8)', () => {
    const originsOf = (client: JsonObject) => tablesOf({ client }).client.get('client')!.allowedOrigins
    expect(originsOf({})).toEqual([])
    expect(originsOf({ allowed_origins: [] })).toEqual(['none'])
    expect(originsOf({ allowed_origins: ['*'] })).toEqual(['*'])
  })

  test('header names are compared in lower case, with or without the prefix they are sent with', () => {
    const client = { required_headers: ['X-Team'], header_filter_config: { allowlist: ['X-BF-EH-OpenAI-Beta'], denylist: ['X-Evil'] } }
    const settings = tablesOf({ client }).client.get('client')!
    expect(settings.requiredHeaders).toEqual(['x-team'])
    expect([...settings.headerAllowlist, ...settings.headerDenylist]).toEqual(['openai-beta', 'x-evil'])
  })

  test('a key URL and its model belong to the key, and a value is optional there', () => {
    const keys = [{ name: 'gpu', models: ['*'], vllm_key_config: { url: 'http://127.0.0.1:8000/v1', model_name: 'llama' } }]
    expect(tablesOf({ providers: { vllm: { keys } } }).providers.get('vllm')!.keys[0]).toMatchObject({
      value: '',
      url: 'http://127.0.0.1:8000',
      modelName: 'llama',
    })
  })

  test('a custom provider stands on the entry of its base', () => {
    const custom = { base_provider_type: 'openai', is_key_less: true, allowed_requests: { chat_completion: true, embedding: false } }
    const { providers } = tablesOf({
      providers: { 'my-llm': { custom_provider_config: { ...custom, request_path_overrides: { chat_completion: '/chat' } } } },
    })
    expect(providers.get('my-llm')).toMatchObject({ entry: 'openai', isKeyless: true, pathOverrides: { chat_completion: '/chat' } })
    expect([...providers.get('my-llm')!.allowedRequests!]).toEqual(['chat_completion'])
  })

  test("a proxy's URL may hold its credential, which is kept apart", () => {
    const proxy_config = { type: 'http', url: 'http://user:p%40ss@proxy.example:3128' }
    expect(tablesOf(openai({ proxy_config })).providers.get('openai')!.proxy).toMatchObject({
      type: 'http',
      url: 'http://proxy.example:3128/',
      username: 'user',
      password: 'p@ss',
    })
  })

  test('slots are dense, by sorted name', () => {
    const key = (name: string) => ({ name, value: 'v' })
    const { providers } = tablesOf({ providers: { xai: { keys: [key('c')] }, groq: { keys: [key('b'), key('a')] } } })
    expect([...providers.values()].map(({ name, slot }) => [name, slot])).toEqual([
      ['demo', 0],
      ['groq', 1],
      ['xai', 2],
    ])
    const slots = [...providers.values()].flatMap(({ keys }) => keys.map(({ name, slot }) => [name, slot]))
    expect(Object.fromEntries(slots)).toEqual({ a: 0, b: 1, c: 2 })
  })
})

describe('allow-lists', () => {
  const modelsOf = (config: JsonObject) => tablesOf(config).providers.get('openai')!.keys[0]!.models

  test('version 2 denies by default, version 1 allows by default (D17)', () => {
    for (const key of [
      { name: 'k', value: 'v' },
      { name: 'k', value: 'v', models: [] },
    ]) {
      expect(modelsOf({ providers: { openai: { keys: [key] } } })).toEqual({ all: false, names: new Set() })
      expect(modelsOf({ version: 1, providers: { openai: { keys: [key] } } }).all).toBe(true)
    }
    expect(modelsOf({ version: 1, ...openai({}, { models: ['a'] }) })).toEqual({ all: false, names: new Set(['a']) })
  })

  test('a key that serves nothing is said so', () => {
    expect(load(openai({}, { models: [] })).notices.join()).toContain('key "main" serves no model')
  })

  test.each([
    [['*', 'a'], '"*" allows everything and cannot stand beside other names'],
    [['a', 'b', 'a'], '"a" appears twice'],
  ])('%j is refused', (models, message) => {
    expect(load(openai({}, { models })).problems).toEqual([`providers.openai.keys[0].models: ${message}`])
  })
})

describe('env', () => {
  test('env.NAME stands for any string, number or boolean', () => {
    const config = {
      client: { drop_excess_requests: 'env.DROP', threads: 'env.THREADS', max_request_body_size_mb: 'env.SIZE' },
      ...openai({ network_config: { base_url: 'env.BASE', retry_backoff_initial: 'env.BACKOFF' } }, { value: 'env.KEY' }),
    }
    const env = { DROP: 'true', THREADS: '2', SIZE: '5', BASE: 'http://127.0.0.1:1', BACKOFF: '200ms', KEY: '1234567890' }
    const tables = tablesOf(config, env)
    expect(tables.client.get('client')).toMatchObject({ dropExcessRequests: true, threads: 2, maxRequestBodyBytes: 5 * 1024 * 1024 })
    expect(tables.providers.get('openai')).toMatchObject({ network: { baseUrl: 'http://127.0.0.1:1', retryBackoffInitialMs: 200 } })
    expect(tables.providers.get('openai')!.keys[0]!.value).toBe('1234567890')
  })

  test.each([
    [{ value: '', env_var: 'env.KEY', from_env: true }, 'secret-of-env'],
    [{ env_var: 'KEY' }, 'secret-of-env'],
    [{ value: 'literal', env_var: '', from_env: false }, 'literal'],
  ])('the object form %j', (value, expected) => {
    expect(tablesOf(openai({}, { value }), { KEY: 'secret-of-env' }).providers.get('openai')!.keys[0]!.value).toBe(expected)
  })

  test('what is missing is named by path and variable, once, and says nothing else about the field', () => {
    const { problems } = load(
      openai({ network_config: { base_url: 'env.NO_URL', max_retries: 'env.NO_NUMBER' } }, { value: 'env.EMPTY' }),
      { EMPTY: '' },
    )
    expect(problems).toEqual([
      'providers.openai.keys[0].value: the environment variable EMPTY is not set, or empty',
      'providers.openai.network_config.base_url: the environment variable NO_URL is not set, or empty',
      'providers.openai.network_config.max_retries: the environment variable NO_NUMBER is not set, or empty',
    ])
  })

  test('a disabled key needs no variable', () => {
    const keys = [
      { name: 'off', value: 'env.MISSING', enabled: false, ollama_key_config: { url: 'env.MISSING_URL' } },
      { name: 'on', ollama_key_config: { url: 'http://127.0.0.1:11434' } },
    ]
    const { providers } = tablesOf({ providers: { ollama: { keys } } })
    expect(providers.get('ollama')!.keys.map(({ name, enabled, value }) => [name, enabled, value])).toEqual([
      ['off', false, ''],
      ['on', true, ''],
    ])
  })
})

describe('without a file', () => {
  const fromEnv = (env: Record<string, string>) => loadConfig({ env, builtins })

  test('a key in the environment makes a provider', () => {
    const { tables, problems } = fromEnv({ OPENAI_API_KEY: 'sk-a', ANTHROPIC_API_KEY: 'sk-b', MISTRAL_API_KEY: 'sk-c' })
    expect(problems).toEqual([])
    expect([...tables!.providers.keys()]).toEqual(['anthropic', 'demo', 'mistral', 'openai'])
    expect(tables!.providers.get('mistral')!.keys[0]).toMatchObject({ name: 'MISTRAL_API_KEY', value: 'sk-c', models: { all: true } })
  })

  test('a key for a provider that is not served yet is said so, without faking it', () => {
    const { tables, notices } = fromEnv({ ELEVENLABS_API_KEY: 'secret-value' })
    expect([...tables!.providers.keys()]).toEqual(['demo'])
    expect(notices).toEqual(['ELEVENLABS_API_KEY is set, but the provider elevenlabs is not served by this version'])
  })

  test('with a file, keys in the environment make nothing', () => {
    expect([...tablesOf({}, { OPENAI_API_KEY: 'sk-a' }).providers.keys()]).toEqual(['demo'])
  })
})

describe('problems', () => {
  const key = { name: 'k', value: 'v' }
  const custom = { custom_provider_config: { base_provider_type: 'openai' } }

  test.each<[string, JsonObject, string[]]>([
    ['an unknown key', openai({}, { modles: [] }), ['providers.openai.keys[0].modles: unknown key; did you mean "models"?']],
    ['an unknown block', { provders: {} }, ['provders: unknown key; did you mean "providers"?']],
    ['a block of a later version', { webhooks: {} }, ['webhooks: is not served by this version; take it out']],
    [
      'direct keys (D6)',
      { client: { allow_direct_keys: false } },
      ["client.allow_direct_keys: is gone: a client's own provider key never goes upstream; use keys of the provider"],
    ],
    ['a wrong type', { client: { drop_excess_requests: 1 } }, ['client.drop_excess_requests: must be true or false']],
    ['a version of the future', { version: 3 }, ['version: must be 1 or 2']],
    ['threads', { client: { threads: 'many' } }, ['client.threads: must be "auto" or a whole number from 1 to 256']],
    ['a header name', { client: { required_headers: ['x y'] } }, ['client.required_headers[0]: is not a header name']],
    [
      'a range',
      openai({ network_config: { stream_idle_timeout_in_seconds: 4 } }),
      ['providers.openai.network_config.stream_idle_timeout_in_seconds: must be at least 5'],
    ],
    [
      'another range',
      openai({ network_config: { max_conns_per_host: 10_001 } }),
      ['providers.openai.network_config.max_conns_per_host: must be at most 10000'],
    ],
    [
      'concurrency over the queue',
      openai({ concurrency_and_buffer_size: { concurrency: 10, buffer_size: 5 } }),
      ['providers.openai.concurrency_and_buffer_size: concurrency (10) must not exceed buffer_size (5)'],
    ],
    [
      'half a queue',
      openai({ concurrency_and_buffer_size: { concurrency: 10 } }),
      ['providers.openai.concurrency_and_buffer_size.buffer_size: is required'],
    ],
    [
      'a short back-off',
      openai({ network_config: { retry_backoff_initial: '50ms' } }),
      [
        'providers.openai.network_config.retry_backoff_initial: must be a whole number of milliseconds or a duration like "500ms" or "1.5s", at least 100 ms',
      ],
    ],
    [
      'back-off bounds',
      openai({ network_config: { retry_backoff_initial: '6s' } }),
      ['providers.openai.network_config: retry_backoff_initial (6000 ms) must not exceed retry_backoff_max (5000 ms)'],
    ],
    [
      'trusting all and some',
      openai({ network_config: { insecure_skip_verify: true, ca_cert_pem: rootCertificates[0]! } }),
      ['providers.openai.network_config: insecure_skip_verify and ca_cert_pem exclude each other'],
    ],
    [
      'a certificate',
      openai({ network_config: { ca_cert_pem: 'pem' } }),
      ['providers.openai.network_config.ca_cert_pem: is not a certificate in PEM form'],
    ],
    [
      'a client certificate without its key',
      openai({ network_config: { client_cert_pem: pem('client.pem') } }),
      ['providers.openai.network_config: client_cert_pem and client_key_pem belong together'],
    ],
    [
      'a key that is none, with nothing of it in the sentence',
      openai({ network_config: { client_cert_pem: pem('client.pem'), client_key_pem: 'hunter22' } }),
      ['providers.openai.network_config.client_key_pem: is not a private key in PEM form, or is encrypted'],
    ],
    [
      "another certificate's key",
      openai({ network_config: { client_cert_pem: pem('client.pem'), client_key_pem: pem('server.key') } }),
      ['providers.openai.network_config.client_key_pem: is not the key of client_cert_pem'],
    ],
    [
      'HTTP/2',
      openai({ network_config: { enforce_http2: true } }),
      ['providers.openai.network_config.enforce_http2: HTTP/2 to providers is not served by this version; leave it out'],
    ],
    [
      'a URL scheme',
      openai({ network_config: { base_url: 'ftp://x' } }),
      ['providers.openai.network_config.base_url: must begin with http://, https:// or unix://'],
    ],
    [
      'a URL with a credential',
      openai({ network_config: { base_url: 'https://u:hunter22@x' } }),
      ['providers.openai.network_config.base_url: must not hold a user name or password; put the credential into a key'],
    ],
    [
      'reserved headers',
      openai({ network_config: { extra_headers: { Host: 'x', Authorization: 'y', 'X-A': 'a\r\nb: c' } } }),
      [
        'providers.openai.network_config.extra_headers.X-A: holds a line break or a character that a header cannot carry',
        'providers.openai.network_config.extra_headers.Host: is written by the gateway itself and cannot be set',
        "providers.openai.network_config.extra_headers.Authorization: carries the provider's key; put the credential into keys",
      ],
    ],
    [
      'a proxy without a URL',
      openai({ proxy_config: { type: 'socks5' } }),
      ['providers.openai.proxy_config.url: is required for a proxy of type socks5'],
    ],
    ['no keys', { providers: { groq: {} } }, ['providers.groq.keys: at least one key is required']],
    ['no value', openai({}, { value: ' ' }), ['providers.openai.keys[0].value: is required']],
    ['no name', { providers: { openai: { keys: [{ value: 'v' }] } } }, ['providers.openai.keys[0]: a key needs a name or an id']],
    [
      'a name of two keys',
      { providers: { openai: { keys: [key] }, groq: { keys: [key] } } },
      ['providers.groq.keys[0].name: "k" is also the name of a key of openai; it must be unique over all providers'],
    ],
    [
      'no URL on a key',
      { providers: { ollama: { keys: [{ name: 'o' }], network_config: { base_url: 'http://x' } } } },
      ['providers.ollama.keys[0].ollama_key_config.url: is required: each key names the server it is for'],
    ],
    [
      "another provider's block",
      openai({}, { sgl_key_config: { url: 'http://x' } }),
      ['providers.openai.keys[0].sgl_key_config: belongs to another provider'],
    ],
    [
      'an unknown provider',
      { providers: { opnai: { keys: [key] } } },
      ['providers.opnai: unknown provider; did you mean "openai"? one of your own needs custom_provider_config.base_provider_type'],
    ],
    ['a provider of a later version', { providers: { runway: { keys: [key] } } }, ['providers.runway: is not served by this version']],
    [
      'a custom name that is taken',
      { providers: { groq: { keys: [key], ...custom } } },
      ['providers.groq: is the name of a built-in provider; a custom one needs another'],
    ],
    [
      'no base',
      { providers: { mine: { keys: [key], custom_provider_config: {} } } },
      ['providers.mine.custom_provider_config.base_provider_type: is required'],
    ],
    [
      'a base of a later version',
      { providers: { mine: { keys: [key], custom_provider_config: { base_provider_type: 'runway' } } } },
      [
        'providers.mine.custom_provider_config.base_provider_type: "runway" is not served as a base by this version; served: openai, anthropic, bedrock, gemini, cohere, huggingface, replicate',
      ],
    ],
    [
      'keys of a keyless provider',
      { providers: { mine: { keys: [key], custom_provider_config: { base_provider_type: 'openai', is_key_less: true } } } },
      ['providers.mine.keys: the provider takes no keys'],
    ],
    [
      'an unknown request type',
      { providers: { mine: { keys: [key], custom_provider_config: { base_provider_type: 'openai', allowed_requests: { chat: true } } } } },
      ['providers.mine.custom_provider_config.allowed_requests.chat: unknown key'],
    ],
    ['an unknown plugin', { plugins: [{ name: 'exampel', enabled: true }] }, ['plugins[0].name: unknown plugin; did you mean "example"?']],
    [
      'a plugin twice',
      {
        plugins: [
          { name: 'example', enabled: true },
          { name: 'example', enabled: true },
        ],
      },
      ['plugins[1].name: "example" appears twice'],
    ],
  ])('%s', (_, config, expected) => {
    const { tables, problems } = load(config)
    expect(problems).toEqual(expected)
    expect(tables).toBeUndefined()
  })

  test('all of them at once, and no secret among them', () => {
    const secret = 'sk-very-secret-0123456789'
    const { problems } = load(
      {
        clent: {},
        client: { threads: 0 },
        providers: {
          openai: {
            keys: [
              { name: 'k', value: secret, models: ['*', secret.slice(0, 3)], weight: -1 },
              { name: 'k', value: 'env.NOPE' },
            ],
            bad: secret,
          },
          groq: { network_config: { base_url: `https://user:${secret}@x.example` }, keys: [] },
        },
        plugins: [{ name: 'p', enabled: true, path: './nowhere.ts' }],
      },
      {},
    )
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'providers.openai.keys[1].value',
      'client.threads',
      'providers.openai.keys[0].weight',
      'providers.openai.keys[0].models',
      'providers.openai.bad',
      'providers.groq.network_config.base_url',
      'clent',
      'providers.groq.keys',
      'providers.openai.keys[1].name',
      'plugins[0].path',
    ])
    expect(problems.join()).not.toContain(secret)
  })

  test('blocks of the wrong shape do not stop the rest', () => {
    expect(load({ client: [], providers: { openai: 3, groq: { keys: 'x' } }, plugins: {} }).problems).toEqual([
      'client: must be an object',
      'providers.openai: must be an object',
      'providers.groq.keys: must be a list',
      'plugins: must be a list',
    ])
  })
})

describe('notices and secrets', () => {
  test('settings without effect are named', () => {
    const { notices } = load({ client: { initial_pool_size: 500, enable_logging: true, compat: { convert_text_to_chat: true } } })
    expect(notices).toEqual([
      'accepted, without effect in this version: client.enable_logging, client.compat.convert_text_to_chat',
      'client.initial_pool_size is accepted and sizes nothing here: nothing is allocated ahead',
    ])
  })

  test('credentials are collected for the log, also when there are problems', () => {
    const config = {
      ...openai({
        network_config: { extra_headers: { 'x-proxy-token': 'proxy-token-1' } },
        proxy_config: { type: 'http', url: 'http://u:proxypass1@p' },
      }),
      plugins: [{ name: 'nope', enabled: true, config: { api_key: 'plugin-key-1' } }],
    }
    expect(load(config).secrets).toEqual(expect.arrayContaining(['sk-test-0123456789', 'proxy-token-1', 'proxypass1', 'plugin-key-1']))
  })
})

describe('files', () => {
  function fromFile(text: string) {
    const file = join(mkdtempSync(join(folder, 'f-')), 'config.json')
    writeFileSync(file, text)
    const { problems, ...rest } = loadConfig({ file, env: {}, builtins })
    return { file, problems: problems.map((problem) => problem.replace(`${file}: `, '')), ...rest }
  }

  test.each([
    ['{\n  "client": {,}\n}', 'line 2, column 14: expected a name in double quotes'],
    ['{"client": {}', 'line 1, column 14: the text ends where "," or "}" should be'],
    ['{"a": sk-secret}', 'line 1, column 7: expected a value'],
    ['{"a": "sk-secret\n"}', 'line 1, column 7: a string that is not closed, or holds a control character or a bad escape'],
    ['{} {}', 'line 1, column 4: text after the end of the JSON value'],
    ['', 'line 1, column 1: the text ends where a value should be'],
    ['"text"', 'the file: must be an object'],
  ])('%j', (text, expected) => {
    expect(fromFile(text).problems).toEqual([expected])
  })

  test('a name that appears twice is not silently the last one', () => {
    expect(fromFile('{"providers": {"openai": {},\n"openai": {}}}').problems[0]).toBe(
      'providers.openai: the name appears twice (line 2, column 1)',
    )
  })

  test('a prototype is no configuration', () => {
    expect(fromFile('{"client": {"__proto__": {"threads": 3}}}').problems).toEqual(['client.__proto__: unknown key (line 1, column 13)'])
  })

  test('a file that is not there', () => {
    const file = join(folder, 'nowhere.json')
    expect(loadConfig({ file, env: {}, builtins }).problems).toEqual([`${file}: cannot be read (ENOENT)`])
  })

  test('plugins are found beside the file, by file and by package, also one that has only an import entry', () => {
    const home = mkdtempSync(join(folder, 'p-'))
    const manifest = { name: 'my-plugin', type: 'module', exports: { '.': { import: { default: './lib.js' } } } }
    mkdirSync(join(home, 'node_modules/my-plugin'), { recursive: true })
    writeFileSync(join(home, 'node_modules/my-plugin/package.json'), JSON.stringify(manifest))
    writeFileSync(join(home, 'node_modules/my-plugin/lib.js'), 'export default {}')
    writeFileSync(join(home, 'own.ts'), 'export default {}')
    const plugins = [
      { name: 'own', enabled: true, path: 'own.ts', placement: 'pre_builtin', order: 3, config: { a: 1 } },
      { name: 'packed', enabled: true, path: 'my-plugin' },
      { name: 'gone', enabled: false, path: './gone.ts' },
      { name: 'example', enabled: true },
    ]
    writeFileSync(join(home, 'config.json'), JSON.stringify({ plugins }))
    const { tables, problems } = loadConfig({ file: join(home, 'config.json'), env: {}, builtins })
    expect(problems).toEqual([])
    expect([...tables!.plugins.values()]).toEqual([
      { name: 'own', path: pathToFileURL(join(home, 'own.ts')).href, placement: 'pre_builtin', order: 3, config: { a: 1 } },
      { name: 'packed', path: expect.stringMatching(/my-plugin\/lib\.js$/), placement: 'post_builtin', order: 0, config: {} },
      { name: 'example', path: undefined, placement: 'builtin', order: 0, config: {} },
    ])
  })
})
