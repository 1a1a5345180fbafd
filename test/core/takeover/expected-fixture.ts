import type { JsonObject } from '../../../core/canonical/json.ts'

/** Documents of the original's own databases, without ids and times that differ between the two. */
export const FIXTURE: Record<string, JsonObject> = {
  'providers/anthropic': {},
  'providers/azure': {},
  'providers/bedrock': {},
  'providers/house-llm': {
    network_config: {
      base_url: 'http://127.0.0.1:9001',
    },
    custom_provider_config: {
      base_provider_type: 'openai',
      allowed_requests: {
        chat_completion: true,
        chat_completion_stream: true,
      },
    },
  },
  'providers/ollama': {},
  'providers/openai': {
    network_config: {
      default_request_timeout_in_seconds: 45,
      max_retries: 2,
    },
    concurrency_and_buffer_size: {
      concurrency: 200,
      buffer_size: 400,
    },
  },
  'providers/sgl': {},
  'providers/vertex': {},
  'keys/<openai-all>': {
    id: '<openai-all>',
    provider: 'openai',
    name: 'openai-all',
    value: 'sk-example-openai-1',
    models: ['*'],
    weight: 1,
    enabled: true,
  },
  'keys/<bedrock-one>': {
    id: '<bedrock-one>',
    provider: 'bedrock',
    name: 'bedrock-one',
    models: ['*'],
    weight: 1,
    enabled: true,
    bedrock_key_config: {
      access_key: 'AKIAEXAMPLE',
      secret_key: 'example-secret',
      region: 'us-east-1',
    },
    aliases: {
      'claude-sonnet': 'anthropic.claude-sonnet-4-20250514-v1:0',
    },
  },
  'keys/<house>': {
    id: '<house>',
    provider: 'house-llm',
    name: 'house',
    value: 'sk-example-house',
    models: ['*'],
    weight: 1,
    enabled: true,
  },
  'keys/<azure-one>': {
    id: '<azure-one>',
    provider: 'azure',
    name: 'azure-one',
    value: 'azure-example-key',
    models: ['*'],
    weight: 1,
    enabled: true,
    azure_key_config: {
      endpoint: 'https://example.openai.azure.com',
      api_version: '2024-10-21',
    },
    aliases: {
      'gpt-4o': 'prod-gpt4o',
    },
  },
  'keys/<openai-two>': {
    id: '<openai-two>',
    provider: 'openai',
    name: 'openai-two',
    value: 'sk-example-openai-2',
    models: ['gpt-4o', 'gpt-4o-mini'],
    weight: 0.4,
    enabled: true,
  },
  'keys/<anthropic-env>': {
    id: '<anthropic-env>',
    provider: 'anthropic',
    name: 'anthropic-env',
    value: 'env.ANTHROPIC_API_KEY',
    models: ['*'],
    weight: 1,
    enabled: true,
  },
  'keys/<ollama-default>': {
    id: '<ollama-default>',
    provider: 'ollama',
    weight: 1,
    enabled: true,
    name: 'ollama-default',
    models: ['*'],
    ollama_key_config: {
      url: 'http://127.0.0.1:11434',
    },
  },
  'keys/<vertex-one>': {
    id: '<vertex-one>',
    provider: 'vertex',
    name: 'vertex-one',
    models: ['*'],
    weight: 1,
    enabled: true,
    vertex_key_config: {
      project_id: 'example-project',
      region: 'us-central1',
    },
    aliases: {
      gemini: 'gemini-2.5-pro',
    },
  },
  'keys/<sgl-one>': {
    id: '<sgl-one>',
    provider: 'sgl',
    name: 'sgl-one',
    value: 'sgl-example',
    models: ['*'],
    weight: 1,
    enabled: true,
    sgl_key_config: {
      url: 'http://127.0.0.1:30000',
    },
  },
  'budgets/bud-cust': {
    id: 'bud-cust',
    max_limit: 1000,
    reset_duration: '1M',
    current_usage: 0,
    last_reset: '<when>',
  },
  'budgets/bud-pc': {
    id: 'bud-pc',
    max_limit: 3,
    reset_duration: '1h',
    current_usage: 0,
    last_reset: '<when>',
  },
  'budgets/bud-team': {
    id: 'bud-team',
    max_limit: 250.5,
    reset_duration: '1w',
    current_usage: 0,
    last_reset: '<when>',
  },
  'budgets/bud-vk': {
    id: 'bud-vk',
    max_limit: 10,
    reset_duration: '1d',
    current_usage: 0,
    last_reset: '<when>',
  },
  'rate_limits/rl-vk': {
    id: 'rl-vk',
    token_max_limit: 100000,
    token_reset_duration: '1h',
    token_current_usage: 0,
    token_last_reset: '<when>',
    request_max_limit: 60,
    request_reset_duration: '1m',
    request_current_usage: 0,
    request_last_reset: '<when>',
  },
  'customers/cust-1': {
    id: 'cust-1',
    name: 'Example Corp',
    budget_id: 'bud-cust',
  },
  'teams/team-1': {
    id: 'team-1',
    name: 'Search',
    budget_id: 'bud-team',
    customer_id: 'cust-1',
  },
  'virtual_keys/vk-keys': {
    id: 'vk-keys',
    name: 'pinned to a key',
    value: 'sk-bf-example-keys',
    value_hash: 'bc489c43ddeb994c169fdd83859aaca1c4315cab7f762dc898d24ca4aac1dbf5',
    is_active: true,
    customer_id: 'cust-1',
    provider_configs: [
      {
        id: 3,
        provider: 'openai',
        weight: 1,
        allowed_models: ['gpt-4o'],
        key_ids: ['<openai-two>'],
      },
    ],
  },
  'virtual_keys/vk-open': {
    id: 'vk-open',
    name: 'no provider configs',
    value: 'sk-bf-example-open',
    value_hash: '5e8694b888ed60e662e3928ca84158b52682e02152205cd13fb211a07bf83924',
    is_active: true,
    provider_configs: [
      {
        provider: 'anthropic',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'azure',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'bedrock',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'house-llm',
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
      {
        provider: 'sgl',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
      {
        provider: 'vertex',
        allowed_models: ['*'],
        key_ids: ['*'],
        weight: null,
      },
    ],
  },
  'virtual_keys/vk-team': {
    id: 'vk-team',
    name: 'team key',
    description: 'with two providers',
    value: 'sk-bf-example-team',
    value_hash: '60688df38c11188f4858134515c617d06fe5f8e935b58ea6480e006df354fb2a',
    is_active: true,
    team_id: 'team-1',
    rate_limit_id: 'rl-vk',
    provider_configs: [
      {
        id: 1,
        provider: 'openai',
        weight: 0.7,
        allowed_models: ['*'],
        budgets: ['bud-pc'],
        key_ids: [],
      },
      {
        id: 2,
        provider: 'anthropic',
        weight: 0.3,
        allowed_models: ['claude-sonnet-4-20250514'],
        key_ids: [],
      },
    ],
    budgets: ['bud-vk'],
  },
  'routing_rules/rule-1': {
    id: 'rule-1',
    name: 'eu',
    enabled: true,
    cel_expression: 'headers["x-region"] == "eu"',
    targets: [
      {
        provider: 'azure',
        model: 'gpt-4o',
        weight: 1,
      },
    ],
    fallbacks: ['openai/gpt-4o'],
    scope: 'global',
    priority: 10,
  },
  'prompt_folders/<folder>': {
    id: '<folder>',
    name: 'Support',
  },
  'settings/client': {
    drop_excess_requests: true,
    enable_logging: true,
    disable_content_logging: false,
    disable_db_pings_in_health: false,
    hide_deleted_virtual_keys_in_filters: false,
    initial_pool_size: 500,
    log_retention_days: 30,
    max_request_body_size_mb: 64,
    mcp_agent_depth: 10,
    mcp_tool_execution_timeout: 30,
    mcp_tool_sync_interval: 10,
    async_job_result_ttl: 3600,
    prometheus_labels: ['team', 'env'],
    allowed_origins: ['https://app.example.com'],
    logging_headers: ['x-tenant'],
    compat: {
      convert_text_to_chat: true,
    },
    enforce_auth_on_inference: true,
    mcp_code_mode_binding_level: 'server',
  },
  'settings/framework': {
    pricing: {
      pricing_url: 'http://127.0.0.1:9/datasheet',
    },
  },
}

/** Its report. */
export const FIXTURE_REPORT = `From x: 31 new, 0 replaced, 0 as they were.

Comes over:
  providers (8): anthropic, azure, bedrock, house-llm, ollama, openai, sgl, vertex
  keys (9): anthropic-env, azure-one, bedrock-one, house, ollama-default, openai-all, openai-two, sgl-one, vertex-one
  budgets (4): bud-cust, bud-pc, bud-team, bud-vk
  rate_limits (1): rl-vk
  customers (1): Example Corp
  teams (1): Search
  virtual_keys (3): no provider configs, pinned to a key, team key
  routing_rules (1): eu
  prompt_folders (1): Support
  settings (2): client, framework

Changed:
  key-models: A provider key with an empty list of models served all: now ["*"].
    - key "anthropic-env" of anthropic
    - key "azure-one" of azure
    - key "bedrock-one" of bedrock
    - key "house" of house-llm
    - key "openai-all" of openai
    - key "sgl-one" of sgl
    - key "vertex-one" of vertex
  base-url: The base_url of a provider whose keys hold the server's address became the url of its keys; without a key, of a new one.
    - provider "ollama"
    - provider "sgl"
  deployments: Deployments became aliases.
    - key "azure-one" of azure
    - key "bedrock-one" of bedrock
    - key "vertex-one" of vertex
  provider-configs: A virtual key without provider_configs could use every provider: now each configured one is listed, with ["*"] models and keys.
    - virtual key "no provider configs": anthropic, azure, bedrock, house-llm, ollama, openai, sgl, vertex
  allowed-models: An empty allowed_models of a virtual key allowed all: now ["*"].
    - virtual key "team key", provider openai
  key-ids: Keys that a virtual key is limited to became key_ids.
    - virtual key "pinned to a key", provider openai
  budgets: The budget of a virtual key, or of one of its providers, became its list of budgets.
    - virtual key "team key"
    - virtual key "team key", provider openai
  compat: enable_litellm_fallbacks became compat.convert_text_to_chat.
    - client
  auth: enforce_governance_header and enforce_scim_auth became enforce_auth_on_inference.
    - client

Not migrated, and therefore denied now:
  - virtual key "team key", provider anthropic: key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids
  - virtual key "team key", provider openai: key_ids is empty, which no longer means all: no key of the provider may serve; set it to ["*"] or to ids
`
