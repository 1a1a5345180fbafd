import { isObject, type JsonObject } from '../../../core/canonical/json.ts'

/** Beta flags by what in a request calls for them: https://docs.claude.com/en/api/beta-headers */
export const BETAS = {
  structuredOutputs: 'structured-outputs-2025-11-13',
  advancedToolUse: 'advanced-tool-use-2025-11-20',
  mcpClient: 'mcp-client-2025-11-20',
  cacheScope: 'prompt-caching-scope-2026-01-05',
  compaction: 'compact-2026-01-12',
  contextManagement: 'context-management-2025-06-27',
  files: 'files-api-2025-04-14',
  interleavedThinking: 'interleaved-thinking-2025-05-14',
  fastMode: 'fast-mode-2026-02-01',
  taskBudgets: 'task-budgets-2026-03-13',
} as const

/** Tool types that are in beta, by how the type begins. */
const TOOL_BETAS: readonly (readonly [string, string])[] = [
  ['computer_20250124', 'computer-use-2025-01-24'],
  ['computer_20251124', 'computer-use-2025-11-24'],
  ['code_execution_2025', 'code-execution-2025-08-25'],
  ['web_fetch_2025', 'web-fetch-2025-09-10'],
  ['memory_', BETAS.contextManagement],
  ['tool_search_', BETAS.advancedToolUse],
]

const ADVANCED_FIELDS = ['input_examples', 'defer_loading', 'allowed_callers']

/** What a finished body calls for. What only its blocks know (files, cache scopes) is told by their encoder. */
export function bodyBetas(body: JsonObject): string[] {
  const betas: string[] = []
  const tools = Array.isArray(body.tools) ? body.tools.filter(isObject) : []
  const config = isObject(body.output_config) ? body.output_config : {}
  const thinking = isObject(body.thinking) ? body.thinking.type : undefined
  if (config.format !== undefined || tools.some((tool) => tool.strict === true)) betas.push(BETAS.structuredOutputs)
  if (config.task_budget !== undefined) betas.push(BETAS.taskBudgets)
  if (tools.some((tool) => ADVANCED_FIELDS.some((field) => tool[field] !== undefined))) betas.push(BETAS.advancedToolUse)
  if (tools.length > 0 && thinking !== undefined && thinking !== 'disabled') betas.push(BETAS.interleavedThinking)
  for (const tool of tools) for (const [prefix, beta] of TOOL_BETAS) if (String(tool.type ?? '').startsWith(prefix)) betas.push(beta)
  if (body.mcp_servers !== undefined) betas.push(BETAS.mcpClient)
  if (body.context_management !== undefined) betas.push(BETAS.contextManagement)
  if (hasCompaction(body.context_management)) betas.push(BETAS.compaction)
  if (body.speed === 'fast') betas.push(BETAS.fastMode)
  return betas
}

/** Joins two `anthropic-beta` values: the flags of both, each once whatever its case, in order of appearance. */
export function mergeBeta(first: string | undefined, second: string | undefined): string {
  const flags = new Map<string, string>()
  for (const flag of `${first ?? ''},${second ?? ''}`.split(',').map((part) => part.trim())) {
    if (flag !== '' && !flags.has(flag.toLowerCase())) flags.set(flag.toLowerCase(), flag)
  }
  return [...flags.values()].join(',')
}

function hasCompaction(management: unknown): boolean {
  const edits = isObject(management) && Array.isArray(management.edits) ? management.edits : []
  return edits.some((edit) => isObject(edit) && String(edit.type).startsWith('compact_'))
}
