import { z } from 'zod'
import type { ClientSettings } from '../snapshot.ts'
import { edgeFields, toEdgeSettings } from './edge.ts'
import type { authConfigSchema } from './governance/index.ts'
import { headerName, seconds } from './values.ts'

const MB = 1024 * 1024
/** Marks a key that the original gateway does not have (D28); the README's table is made of these. */
const OWN = { 'x-own': true }

/** Stands for an explicitly empty `allowed_origins`: no browser sends it, so nothing is allowed. An empty list means localhost (D8). */
const NO_ORIGIN = 'none'

const names = () => z.array(z.string()).default([])
const count = (fallback: number, least = 0) => z.int().min(least).default(fallback)
const flag = () => z.boolean().default(false)

const externalUrl = () =>
  z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be a URL that begins with http:// or https://')
    .optional()

const threads = z
  .union([z.literal('auto'), z.int().min(1).max(256)], { error: 'must be "auto" or a whole number from 1 to 256' })
  .default('auto')
  .meta({ ...OWN, description: 'Data threads: `auto` takes the number from the cores. The flag `--threads` wins.' })

const shutdown = z
  .strictObject({
    drain_delay_seconds: seconds(0, 600)
      .default(1)
      .meta({ ...OWN, description: 'How long new connections are still taken after readiness has turned 503.' }),
    grace_seconds: seconds(0, 86_400)
      .default(30)
      .meta({ ...OWN, description: 'How long running answers may take to end.' }),
  })
  .prefault({})

/** Settings of ours that the original lacks. */
const ownFields = {
  threads,
  shutdown,
  max_buffered_body_mb: z
    .number()
    .min(1)
    .optional()
    .meta({
      ...OWN,
      'x-default': "a quarter of the machine's memory",
      description: 'Most memory for all request bodies together, in MiB; beyond it new bodies wait, then 503.',
    }),
  request_body_timeout_seconds: seconds(1)
    .default(300)
    .meta({ ...OWN, description: 'How long a request body may take to arrive; then 408.' }),
  request_deadline_seconds: seconds(0)
    .default(0)
    .meta({ ...OWN, description: 'Most time for all attempts of a request with their back-off; 0: no limit.' }),
  http2_port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .meta({
      ...OWN,
      'x-default': 'none',
      description: "A second port, for clients that speak HTTP/2 without TLS and nothing else, such as AWS's for Bedrock; 0: a free one.",
    }),
  allowed_hosts: z
    .array(z.string().regex(/^(?:\*|[\w.-]*\w)$/, 'must be a host name without a port, or "*"'))
    .default([])
    .meta({
      ...OWN,
      description:
        'While nobody has to sign in: names with a dot in them by which the management API may be asked; `*`: any. Addresses, other names and private domains may always.',
    }),
  docs_base_url: externalUrl().meta({
    ...OWN,
    'x-default': 'where it was asked for',
    description: "Address of the gateway in the API's own documentation.",
  }),
  stream_commit_after_ms: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(10_000)
    .meta({
      ...OWN,
      description: "When a stream's head is sent although no content has come; from then on no fallback is possible. 0: never.",
    }),
  max_stream_duration_seconds: seconds(0, 604_800)
    .default(0)
    .meta({ ...OWN, description: 'Longest a stream may run; 0: no limit.' }),
  max_response_size_mb: z
    .number()
    .min(1)
    .max(4096)
    .default(100)
    .meta({ ...OWN, description: "Most of one whole answer of a provider's, in MiB." }),
}

const compat = z
  .strictObject({
    convert_text_to_chat: flag().describe('Serve text completions by chat.'),
    convert_chat_to_responses: flag().describe('Serve chat by Responses where a model has nothing else.'),
    should_drop_params: flag().describe('Drop parameters that a provider cannot take instead of refusing the request.'),
    should_convert_params: flag().describe('Convert roles and values to what a provider takes.'),
  })
  .prefault({})

const headerFilter = z
  .strictObject({
    allowlist: names().describe('Names of x-bf-eh-* headers that alone are forwarded; empty: all.'),
    denylist: names().describe('Names of x-bf-eh-* headers that are never forwarded.'),
  })
  .prefault({})

const served = {
  drop_excess_requests: flag().describe('Answer 429 when a queue is full instead of waiting for room.'),
  max_request_body_size_mb: z.number().positive().max(4096).default(100).describe('Most of one request body, in MiB; beyond it 413.'),
  allowed_origins: z
    .array(z.string().regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/i, 'must be "*" or an origin like https://app.example.com'))
    .optional()
    .describe('Origins that browsers may call from, `*` inside for one label; without it pages on this machine.'),
  allowed_headers: z.array(headerName()).default([]).describe('More request headers that CORS allows.'),
  header_filter_config: headerFilter,
  required_headers: z.array(headerName()).default([]).describe('Headers without which a request is refused with 400.'),
  log_retention_days: count(365, 1).describe('How long log entries are kept, in days; goes before `logs_store.retention_days`.'),
  disable_db_pings_in_health: flag().describe('Leave the stores out of /health.'),
  compat,
}

const credentials = {
  enforce_auth_on_inference: flag().describe('Ask every inference request for a virtual key, or for a signed-in administrator.'),
  enforce_governance_header: flag().describe('Former name of enforce_auth_on_inference.'),
  enforce_scim_auth: flag().describe('Former name of enforce_auth_on_inference.'),
  whitelisted_routes: z
    .array(z.string().regex(/^\//, 'must begin with "/"'))
    .default([])
    .describe('Paths that need no credential: exact, or all that begin with what stands before a trailing `*`.'),
}

/** Fields of the original whose features come with later versions: accepted with their types, and listed in a notice. */
const notYet = {
  initial_pool_size: count(300, 1).describe('Sizes nothing here: nothing is allocated ahead.'),
  enable_logging: z.boolean().optional().describe('Keep a log entry of every request.'),
  disable_content_logging: flag().describe('Keep no texts in log entries.'),
  logging_headers: z.array(headerName()).default([]).describe('Request headers that log entries keep.'),
  mcp_external_server_url: externalUrl().describe("The gateway's own address, as MCP clients see it."),
  mcp_external_client_url: externalUrl().describe("The gateway's own address, as OAuth servers of MCP servers send browsers back to it."),
  mcp_agent_depth: count(10, 1).describe('Most rounds of tool calls in agent mode.'),
  mcp_tool_execution_timeout: count(30, 1).describe('Longest one tool may run, in seconds.'),
  mcp_code_mode_binding_level: z.enum(['server', 'tool']).optional().describe('How tools are bound in code mode.'),
  mcp_tool_sync_interval: count(10).describe('How often tools are listed anew, in minutes; 0: never.'),
  mcp_disable_auto_tool_inject: flag().describe('Do not put tools into requests unasked.'),
  async_job_result_ttl: count(3600, 1).describe('How long results of asynchronous jobs are kept, in seconds.'),
  prometheus_labels: z
    .array(z.string().regex(/^[A-Za-z_]\w*(=.*)?$/, 'must be the name of a label, or name=value'))
    .default([])
    .describe('More labels of every metric: `name=value`, or a name that the header x-bf-prom-<name> fills.'),
  routing_chain_max_depth: count(10, 1).describe('Most routing rules that one request passes.'),
  hide_deleted_virtual_keys_in_filters: flag().describe('Do not offer deleted virtual keys as filters of logs.'),
}

/** Names in `client` that are read, and have no effect in this version. */
export const CLIENT_NOT_YET: readonly string[] = [
  ...Object.keys(notYet).filter((name) => name !== 'initial_pool_size'),
  'compat.convert_text_to_chat',
  'compat.convert_chat_to_responses',
]

/** The `client` block (api.md 5.1, seed 3, D28). */
export const clientSchema = z.strictObject({ ...served, ...ownFields, ...edgeFields, ...credentials, ...notYet })

/** Settings from the block, in bytes and milliseconds. `memoryBytes`: what the machine has; `folder`: where files are looked up from; `auth`: sign-in to the management API. */
export function toClientSettings(
  block: z.output<typeof clientSchema>,
  { memoryBytes, folder, auth }: { memoryBytes: number; folder: string; auth: z.output<typeof authConfigSchema> | undefined },
): ClientSettings {
  return Object.freeze({
    ...toEdgeSettings(block, folder),
    ...asksForCredential(block, auth),
    whitelistedRoutes: block.whitelisted_routes,
    threads: block.threads,
    dropExcessRequests: block.drop_excess_requests,
    maxRequestBodyBytes: Math.floor(block.max_request_body_size_mb * MB),
    maxResponseBytes: Math.floor(block.max_response_size_mb * MB),
    maxBufferedBodyBytes:
      block.max_buffered_body_mb === undefined ? Math.floor(memoryBytes / 4) : Math.floor(block.max_buffered_body_mb * MB),
    requestBodyTimeoutMs: toMs(block.request_body_timeout_seconds),
    requestDeadlineMs: toMs(block.request_deadline_seconds),
    http2Port: block.http2_port,
    streamCommitAfterMs: block.stream_commit_after_ms,
    maxStreamDurationMs: toMs(block.max_stream_duration_seconds),
    drainDelayMs: toMs(block.shutdown.drain_delay_seconds),
    graceMs: toMs(block.shutdown.grace_seconds),
    requiredHeaders: block.required_headers.map((name) => name.toLowerCase()),
    allowedOrigins: block.allowed_origins?.length === 0 ? [NO_ORIGIN] : (block.allowed_origins ?? []),
    allowedHeaders: block.allowed_headers.map((name) => name.toLowerCase()),
    headerAllowlist: forwardedNames(block.header_filter_config.allowlist),
    headerDenylist: forwardedNames(block.header_filter_config.denylist),
    shouldDropParams: block.compat.should_drop_params,
  })
}

/** Whether requests for models need a credential, and whether that of the management API is one; also of blocks as they are written. */
export function asksForCredential(
  client: { [flag in 'enforce_auth_on_inference' | 'enforce_governance_header' | 'enforce_scim_auth']?: unknown },
  auth: { is_enabled?: unknown; disable_auth_on_inference?: unknown } | undefined,
): Pick<ClientSettings, 'asksForCredential' | 'takesAdmin'> {
  const takesAdmin = auth?.is_enabled === true
  const { enforce_auth_on_inference: asked, enforce_governance_header: byGovernance, enforce_scim_auth: byScim } = client
  const isAsked = asked === true || byGovernance === true || byScim === true
  return { asksForCredential: isAsked || (takesAdmin && auth?.disable_auth_on_inference !== true), takesAdmin }
}

/** Header names without the prefix they are sent with: the seeds write them with it, the original compares without. */
function forwardedNames(list: readonly string[]): ReadonlySet<string> {
  return new Set(list.map((name) => name.toLowerCase().replace(/^x-bf-eh-/, '')))
}

function toMs(value: number): number {
  return Math.round(value * 1000)
}
