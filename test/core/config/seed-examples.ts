import type { JsonObject } from '../../../core/canonical/json.ts'

/** Examples of seeds 3 and 4. What they promise and this version does not keep is refused, and nothing else is. */
export const examples: [string, JsonObject][] = [
  ['seed 3:17', { client: { initial_pool_size: 1000, drop_excess_requests: true } }],
  [
    'seed 3:32',
    {
      client: {
        enable_logging: true,
        disable_content_logging: true,
        log_retention_days: 90,
        logging_headers: ['x-request-id', 'x-user-id'],
      },
    },
  ],
  ['seed 3:58', { client: { mcp_external_server_url: 'env.BIFROST_EXTERNAL_URL', mcp_external_client_url: 'env.BIFROST_EXTERNAL_URL' } }],
  [
    'seed 3:65',
    { client: { mcp_external_server_url: 'https://api.yourcompany.com', mcp_external_client_url: 'https://api.yourcompany.com' } },
  ],
  [
    'seed 3:75',
    { client: { mcp_external_server_url: 'https://internal.yourcompany.com', mcp_external_client_url: 'https://oauth.yourcompany.com' } },
  ],
  [
    'seed 3:100',
    {
      client: {
        allowed_origins: ['https://app.yourcompany.com', 'https://admin.yourcompany.com'],
        enforce_auth_on_inference: true,
        max_request_body_size_mb: 50,
        whitelisted_routes: ['/health', '/metrics'],
      },
    },
  ],
  [
    'seed 3:120',
    {
      client: {
        header_filter_config: { allowlist: ['x-bf-eh-anthropic-version', 'x-bf-eh-openai-beta'], denylist: [] },
        required_headers: ['x-request-id'],
      },
    },
  ],
  ['seed 3:141', { client: { compat: { should_drop_params: true, convert_text_to_chat: true } } }],
  ['seed 3:158', { client: { mcp_agent_depth: 15, mcp_tool_execution_timeout: 60, mcp_tool_sync_interval: 10 } }],
  ['seed 3:175', { client: { prometheus_labels: ['environment=production', 'region=us-east-1'] } }],
  [
    'seed 3:189',
    {
      governance: {
        auth_config: {
          is_enabled: true,
          admin_username: 'env.BIFROST_ADMIN_USERNAME',
          admin_password: 'env.BIFROST_ADMIN_PASSWORD',
          disable_auth_on_inference: false,
        },
      },
    },
  ],
  [
    'seed 3:199',
    { auth_config: { is_enabled: true, admin_username: 'env.BIFROST_ADMIN_USERNAME', admin_password: 'env.BIFROST_ADMIN_PASSWORD' } },
  ],
  ['seed 3:203', { encryption_key: 'env.BIFROST_ENCRYPTION_KEY' }],
  [
    'seed 3:214',
    {
      $schema: 'https://www.getbifrost.ai/schema',
      encryption_key: 'env.BIFROST_ENCRYPTION_KEY',
      governance: {
        auth_config: {
          is_enabled: true,
          admin_username: 'env.BIFROST_ADMIN_USERNAME',
          admin_password: 'env.BIFROST_ADMIN_PASSWORD',
          disable_auth_on_inference: false,
        },
      },
      client: {
        initial_pool_size: 1000,
        drop_excess_requests: true,
        enable_logging: true,
        disable_content_logging: false,
        log_retention_days: 90,
        logging_headers: ['x-request-id', 'x-user-id'],
        mcp_external_server_url: 'env.BIFROST_EXTERNAL_URL',
        mcp_external_client_url: 'env.BIFROST_EXTERNAL_URL',
        allowed_origins: ['https://app.yourcompany.com'],
        enforce_auth_on_inference: true,
        max_request_body_size_mb: 100,
        header_filter_config: { allowlist: [], denylist: [] },
        required_headers: [],
        compat: { should_drop_params: false },
        prometheus_labels: ['environment=production'],
        mcp_agent_depth: 10,
        mcp_tool_execution_timeout: 30,
        async_job_result_ttl: 3600,
      },
    },
  ],
  ['seed 4:18', { client: { enforce_auth_on_inference: true } }],
  ['seed 4:32', { client: { allowed_origins: ['https://app.example.com', 'https://internal-dashboard.example.com'] } }],
  ['seed 4:52', { client: { allowed_headers: ['Authorization', 'Content-Type', 'X-Bifrost-Virtual-Key', 'X-Request-Id'] } }],
  [
    'seed 4:66',
    {
      client: {
        header_filter_config: {
          allowlist: ['x-bf-eh-anthropic-beta', 'x-bf-eh-anthropic-version', 'x-bf-eh-x-trace-id'],
          denylist: ['x-bf-eh-cookie', 'x-bf-eh-proxy-authorization', 'x-bf-eh-host'],
        },
      },
    },
  ],
]
