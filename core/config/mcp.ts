import { z } from 'zod'
import { allowNames } from './allow-list.ts'
import { stamps } from './governance/limits.ts'
import { durationMs, headerName, headerValue } from './values.ts'

const interval = z
  .union([z.int(), z.string().refine((text) => !Number.isNaN(durationMs(text.replace(/^-/, ''))), 'is not a duration')], {
    error: 'must be a duration like "10m", or a whole number',
  })
  .optional()

const stdio = z.strictObject({
  command: z.string().min(1).describe('Program to run.'),
  args: z.array(z.string()).default([]).describe('Its arguments.'),
  envs: z.array(z.string().min(1)).default([]).describe('Names of environment variables that it is given, and that must be set.'),
})

/** One MCP client of `mcp.client_configs`: a server whose tools the gateway offers (api.md 5.4). */
export const mcpClientSchema = z.strictObject({
  client_id: z.string().min(1).max(255).optional().describe('Stable id; the name when absent.'),
  name: z
    .string()
    .regex(/^[A-Za-z_][\w-]{0,254}$/, 'must be made of letters, digits, "_" and "-", and not begin with a digit')
    .describe('Unique name; tools are named after it.'),
  connection_type: z.enum(['stdio', 'http', 'sse', 'inprocess']).describe('How it is reached; `inprocess` cannot come from a file.'),
  connection_string: z.string().min(1).optional().describe('URL of the server, for http and sse.'),
  stdio_config: stdio.optional().describe('The program, for stdio.'),
  auth_type: z.enum(['none', 'headers', 'oauth', 'per_user_oauth']).default('none').describe('How the gateway signs in.'),
  oauth_config_id: z.string().min(1).nullish().describe('Its OAuth configuration.'),
  oauth_client_id: z.string().min(1).nullish().describe('OAuth client.'),
  oauth_client_secret: z.string().min(1).nullish().describe('Secret of that client, usually `env.NAME`.'),
  headers: z.record(headerName(), headerValue()).default({}).describe('Headers sent to the server.'),
  tools_to_execute: allowNames().default([]).describe('Tools that may be executed: `["*"]` all, `[]` none.'),
  tools_to_auto_execute: allowNames().default([]).describe('Tools that run without asking; each is one that may be executed.'),
  allowed_extra_headers: allowNames().default([]).describe('Request headers that are sent on to the server: `["*"]` all, `[]` none.'),
  is_code_mode_client: z.boolean().default(false).describe('Its tools are offered as code.'),
  tool_sync_interval: interval.describe(
    'How often its tools are listed anew: a duration or nanoseconds; negative: never; 0: the global one.',
  ),
  is_ping_available: z.boolean().default(true).describe('Whether it answers pings; else its health is seen by listing tools.'),
  tool_pricing: z.record(z.string().min(1), z.number().min(0)).default({}).describe('US dollars per call, by tool.'),
  allow_on_all_virtual_keys: z.boolean().default(false).describe('Every virtual key may use it without naming it.'),
  disabled: z.boolean().default(false).describe('Not connected.'),
  ...stamps,
})

const toolManager = z.strictObject({
  tool_execution_timeout: z
    .union([z.int().min(1), z.string()])
    .default(30)
    .describe('Longest one tool may run, in seconds.'),
  max_agent_depth: z.int().min(1).max(1000).default(10).describe('Most rounds of tool calls in agent mode.'),
  code_mode_binding_level: z.enum(['server', 'tool']).optional().describe('How tools are bound in code mode.'),
  disable_auto_tool_inject: z.boolean().default(false).describe('Do not put tools into requests unasked.'),
})

/** The `mcp` block. */
export const mcpSchema = z.strictObject({
  client_configs: z.array(mcpClientSchema).default([]).describe('MCP servers whose tools are offered.'),
  tool_manager_config: toolManager.optional().describe('How tools are executed.'),
  tool_sync_interval: interval.describe('How often tools are listed anew: a duration, or minutes.'),
  tool_groups: z.array(z.record(z.string(), z.json())).default([]).describe('Groups of tools.'),
})
