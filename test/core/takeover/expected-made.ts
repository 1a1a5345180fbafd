import type { JsonObject } from '../../../core/canonical/json.ts'

/** Documents of the database that a script makes. */
export const MADE: Record<string, JsonObject> = {
  'providers/mine': {
    network_config: {
      base_url: 'https://llm.example.com',
      extra_headers: {
        'x-a': 'b',
      },
    },
    custom_provider_config: {
      base_provider_type: 'openai',
      is_key_less: true,
      allowed_requests: {
        chat_completion: true,
      },
    },
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'providers/ollama': {
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'providers/openai': {
    network_config: {
      max_retries: 3,
      retry_backoff_initial: 700,
    },
    proxy_config: {
      type: 'http',
      url: 'http://proxy.example.com',
      username: 'me',
      password: 'CANARY-proxy',
    },
    send_back_raw_request: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'keys/b72a01d01725ecebb41465a7ce87282e': {
    id: 'b72a01d01725ecebb41465a7ce87282e',
    provider: 'ollama',
    weight: 1,
    enabled: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
    name: 'ollama-default',
    models: ['*'],
    ollama_key_config: {
      url: 'http://10.0.0.7:11434',
    },
  },
  'keys/key-all': {
    id: 'key-all',
    provider: 'openai',
    name: 'all',
    value: 'CANARY-key-1',
    models: ['*'],
    weight: 1,
    enabled: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'keys/key-some': {
    id: 'key-some',
    provider: 'openai',
    name: 'some',
    value: 'env.SOME_KEY',
    models: ['gpt-4o'],
    blacklisted_models: ['gpt-3'],
    weight: null,
    enabled: false,
    use_for_batch_api: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-config': {
    id: 'b-config',
    max_limit: 14,
    reset_duration: '1d',
    current_usage: 1,
    last_reset: '2026-02-03T00:00:00.000Z',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-customer': {
    id: 'b-customer',
    max_limit: 11,
    reset_duration: '1d',
    current_usage: 0.25,
    last_reset: '2026-02-03T00:00:00.000Z',
    calendar_aligned: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-key': {
    id: 'b-key',
    max_limit: 13,
    reset_duration: '1d',
    current_usage: 0.75,
    last_reset: '2026-02-03T00:00:00.000Z',
    calendar_aligned: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-model': {
    id: 'b-model',
    max_limit: 15,
    reset_duration: '1d',
    current_usage: 1.25,
    last_reset: '2026-02-03T00:00:00.000Z',
    calendar_aligned: true,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-provider': {
    id: 'b-provider',
    max_limit: 10,
    reset_duration: '1d',
    current_usage: 0,
    last_reset: '2026-02-03T00:00:00.000Z',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'budgets/b-team': {
    id: 'b-team',
    max_limit: 12,
    reset_duration: '1d',
    current_usage: 0.5,
    last_reset: '2026-02-03T00:00:00.000Z',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'rate_limits/r-1': {
    id: 'r-1',
    token_max_limit: 1000,
    token_reset_duration: '1h',
    token_current_usage: 250,
    token_last_reset: '2026-02-03T04:00:00.000Z',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'customers/c-1': {
    id: 'c-1',
    name: 'Customer',
    budget_id: 'b-customer',
    rate_limit_id: 'r-1',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'teams/t-1': {
    id: 't-1',
    name: 'Team',
    budget_id: 'b-team',
    customer_id: 'c-1',
    claims: {
      group: 'a',
    },
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'provider_governance/openai': {
    name: 'openai',
    budget_id: 'b-provider',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'model_configs/m-1': {
    id: 'm-1',
    model_name: 'gpt-4o',
    provider: 'openai',
    budget_id: 'b-model',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'pricing_overrides/openai-pricing-1': {
    id: 'openai-pricing-1',
    name: 'openai-pricing-1',
    scope_kind: 'provider',
    provider_id: 'openai',
    match_type: 'wildcard',
    pattern: 'gpt-4o*',
    request_types: ['chat_completion', 'chat_completion_stream'],
    pricing_patch: '{"input_cost_per_token":0.5}',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'oauth_configs/oauth-1': {
    id: 'oauth-1',
    client_id: 'client',
    client_secret: 'CANARY-oauth-client',
    authorize_url: 'https://auth.example.com/a',
    token_url: 'https://auth.example.com/t',
    redirect_uri: 'https://gw.example.com/api/oauth/callback',
    use_discovery: true,
    scopes: ['read', 'write'],
    status: 'authorized',
    access_token: 'CANARY-access',
    refresh_token: 'CANARY-refresh',
    token_type: 'Bearer',
    token_expires_at: '2027-02-03T02:05:06.000Z',
    token_scopes: ['read'],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'mcp_clients/mcp-a': {
    client_id: 'mcp-a',
    name: 'search',
    connection_type: 'http',
    connection_string: 'https://mcp.example.com/CANARY-url',
    auth_type: 'oauth',
    oauth_config_id: 'oauth-1',
    headers: {
      authorization: 'CANARY-header',
      'x-env': 'env.MCP_TOKEN',
    },
    tools_to_execute: ['*'],
    is_ping_available: false,
    tool_pricing: {
      find: 0.01,
    },
    tool_sync_interval: '5m',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'mcp_clients/mcp-b': {
    client_id: 'mcp-b',
    name: 'files',
    connection_type: 'stdio',
    stdio_config: {
      command: 'files',
      args: ['--root', '/srv'],
    },
    auth_type: 'none',
    tools_to_execute: [],
    is_code_mode_client: true,
    tool_sync_interval: -1,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'virtual_keys/vk-env': {
    id: 'vk-env',
    name: 'vk-env name',
    value: 'env.VIRTUAL_KEY',
    value_hash: 'd6ff8e430ffa860e5a12d45ffebc405571587c06d772c0bd26007cbe28b99cf1',
    is_active: true,
    provider_configs: [
      {
        id: 14,
        provider: 'openai',
        weight: 1,
        allowed_models: ['*'],
        key_ids: ['key-all', 'key-some'],
      },
    ],
    mcp_configs: [
      {
        mcp_client_id: 'mcp-b',
        tools_to_execute: ['*'],
      },
      {
        mcp_client_id: 'mcp-a',
        tools_to_execute: ['*'],
      },
    ],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'virtual_keys/vk-open': {
    id: 'vk-open',
    name: 'vk-open name',
    value: 'sk-bf-CANARY-open',
    value_hash: '901e781be676f7dcb0dae82b55fd1c79043e627d56fc8711ed39b5e6bae762b0',
    is_active: true,
    provider_configs: [
      {
        provider: 'mine',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'ollama',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'openai',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
    ],
    mcp_configs: [
      {
        mcp_client_id: 'mcp-b',
        tools_to_execute: ['*'],
      },
      {
        mcp_client_id: 'mcp-a',
        tools_to_execute: ['*'],
      },
    ],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'virtual_keys/vk-pinned': {
    id: 'vk-pinned',
    name: 'vk-pinned name',
    value: 'sk-bf-CANARY-pinned',
    value_hash: '8a55906505accd723cc33642e7451c4f32081fcc68cfe88f9a974de9c56116eb',
    is_active: false,
    customer_id: 'c-1',
    provider_configs: [
      {
        id: 13,
        provider: 'openai',
        weight: 1,
        allowed_models: ['gpt-4o'],
        key_ids: ['key-some'],
      },
    ],
    mcp_configs: [
      {
        mcp_client_id: 'mcp-b',
        tools_to_execute: ['*'],
      },
      {
        mcp_client_id: 'mcp-a',
        tools_to_execute: ['*'],
      },
    ],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'virtual_keys/vk-team': {
    id: 'vk-team',
    name: 'vk-team name',
    description: 'of a team',
    value: 'sk-bf-CANARY-team',
    value_hash: 'd485a6adcf793573e7fcee22fff6dc70db23cd1f01991d7532bd0a15562cb6be',
    is_active: true,
    team_id: 't-1',
    rate_limit_id: 'r-1',
    provider_configs: [
      {
        id: 11,
        provider: 'openai',
        weight: 0.5,
        allowed_models: ['*'],
        rate_limit_id: 'r-1',
        budgets: ['b-config'],
        key_ids: [],
      },
      {
        id: 12,
        provider: 'mine',
        weight: null,
        allowed_models: ['m'],
        key_ids: [],
      },
    ],
    mcp_configs: [
      {
        mcp_client_id: 'mcp-a',
        id: 1,
        tools_to_execute: ['find'],
      },
      {
        mcp_client_id: 'mcp-b',
        id: 2,
        tools_to_execute: [],
      },
    ],
    budgets: ['b-key'],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'routing_rules/rule-1': {
    id: 'rule-1',
    name: 'Rule',
    enabled: true,
    cel_expression: 'true',
    targets: [
      {
        provider: 'openai',
        model: 'gpt-4o',
        key_id: 'key-some',
        weight: 0.25,
      },
      {
        provider: 'mine',
        weight: 0.75,
      },
    ],
    fallbacks: ['mine/m'],
    query: {
      rules: [],
    },
    scope: 'team',
    scope_id: 't-1',
    priority: 2,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'prompt_folders/f-1': {
    id: 'f-1',
    name: 'Folder',
    description: 'd',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'prompts/p-1': {
    id: 'p-1',
    name: 'Prompt',
    folder_id: 'f-1',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'prompt_versions/4': {
    id: '4',
    prompt_id: 'p-1',
    provider: 'openai',
    model: 'gpt-4o',
    model_params: {
      temperature: 0.5,
    },
    version_number: 1,
    commit_message: 'first',
    is_latest: true,
    messages: [
      {
        id: 7,
        order_index: 0,
        message: {
          role: 'system',
          content: 'one',
        },
      },
      {
        id: 8,
        order_index: 1,
        message: {
          role: 'user',
          content: 'two',
        },
      },
    ],
    created_at: '2026-02-03T04:05:06.123Z',
  },
  'prompt_sessions/9': {
    id: '9',
    prompt_id: 'p-1',
    provider: 'openai',
    model: 'gpt-4o',
    version_id: '4',
    name: 'Session',
    messages: [
      {
        id: 1,
        order_index: 0,
        message: {
          role: 'user',
          content: 'try',
        },
      },
    ],
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'plugins/compiled': {
    name: 'compiled',
    enabled: false,
    path: '/plugins/x.so',
    version: 1,
    placement: 'pre_builtin',
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'plugins/known': {
    name: 'known',
    enabled: true,
    config: {
      api_key: 'CANARY-plugin',
    },
    version: 2,
    order: 3,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'plugins/off': {
    name: 'off',
    enabled: false,
    version: 1,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'plugins/unknown': {
    name: 'unknown',
    enabled: false,
    version: 1,
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'settings/auth_config': {
    is_enabled: true,
    admin_username: 'root',
  },
  'settings/client': {
    drop_excess_requests: true,
    mcp_tool_sync_interval: 0,
    allowed_origins: ['*'],
    enforce_auth_on_inference: true,
    header_filter_config: {
      allowlist: ['x-a'],
    },
    created_at: '2026-02-03T04:05:06.123Z',
    updated_at: '2026-02-03T04:05:06.123Z',
  },
  'settings/framework': {
    pricing: {
      pricing_url: 'https://prices.example.com',
      pricing_sync_interval: 7200,
    },
  },
  'settings/proxy_config': {
    enabled: true,
    type: 'http',
    url: 'http://p',
    password: 'CANARY-global-proxy',
  },
}

/** Its report. */
export const MADE_REPORT = `From x: 38 new, 0 replaced, 0 as they were.

Comes over:
  providers (3): mine, ollama, openai
  keys (3): all, ollama-default, some
  budgets (6): b-config, b-customer, b-key, b-model, b-provider, b-team
  rate_limits (1): r-1
  customers (1): Customer
  teams (1): Team
  provider_governance (1): openai
  model_configs (1): m-1
  pricing_overrides (1): openai-pricing-1
  oauth_configs (1): oauth-1
  mcp_clients (2): files, search
  virtual_keys (4): vk-env name, vk-open name, vk-pinned name, vk-team name
  routing_rules (1): Rule
  prompt_folders (1): Folder
  prompts (1): Prompt
  prompt_versions (1): 4
  prompt_sessions (1): Session
  plugins (4): compiled, known, off, unknown
  settings (4): auth_config, client, framework, proxy_config

Changed:
  key-models: A provider key with an empty list of models served all: now ["*"].
    - key "all" of openai
  base-url: The base_url of a provider whose keys hold the server's address became the url of its keys; without a key, of a new one.
    - provider "ollama"
  provider-configs: A virtual key without provider_configs could use every provider: now each configured one is listed, with ["*"] models and keys.
    - virtual key "vk-open name": mine, ollama, openai
  allowed-models: An empty allowed_models of a virtual key allowed all: now ["*"].
    - virtual key "vk-env name", provider openai
    - virtual key "vk-team name", provider openai
  key-ids: Keys that a virtual key is limited to became key_ids.
    - virtual key "vk-env name", provider openai
    - virtual key "vk-pinned name", provider openai
  mcp-configs: A virtual key without mcp_configs could use every MCP client: now each one is listed, with ["*"] tools.
    - virtual key "vk-env name": files, search
    - virtual key "vk-open name": files, search
    - virtual key "vk-pinned name": files, search
  budgets: The budget of a virtual key, or of one of its providers, became its list of budgets.
    - virtual key "vk-team name"
    - virtual key "vk-team name", provider openai
  auth: enforce_governance_header and enforce_scim_auth became enforce_auth_on_inference.
    - client
  pricing: Pricing overrides of a provider became pricing overrides of their own.
    - provider "openai": openai-pricing-1
  plugin-off: A plugin that this gateway cannot load is switched off.
    - plugin "compiled": is a compiled plugin of the original
    - plugin "unknown": is not part of this gateway

Not migrated, and therefore denied now:
  - administrator: the database has a hash of the password alone: set governance.auth_config.admin_password
  - client: allow_direct_keys is gone: a client's own provider key never goes upstream; give such clients a virtual key
  - virtual key "vk-team name", MCP client files: tools_to_execute is empty, which no longer means all: no tool may run; set it to ["*"] or to names
  - virtual key "vk-team name", provider mine: key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids
  - virtual key "vk-team name", provider openai: key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids

Left behind:
  - pricing override 2 of openai: its pattern is a regular expression, which has no counterpart
  - provider "mine": request types that are not known here: unheard_of
  - vector store of type redis: stores are named by the configuration file: set vector_store there
`
