/** Who serves Claude besides Anthropic, which takes every flag. */
export type ClaudeHost = 'azure' | 'vertex' | 'bedrock'

const ALL: readonly ClaudeHost[] = ['azure', 'vertex', 'bedrock']

/** Beta flags by how they begin (dates follow), and who takes them: https://docs.claude.com/en/api/beta-headers */
const HOSTS: Readonly<Record<string, readonly ClaudeHost[]>> = {
  'computer-use-': ALL,
  'structured-outputs-': ['azure', 'bedrock'],
  'advanced-tool-use-': ['azure'],
  'mcp-client-': ['azure'],
  'prompt-caching-scope-': ['azure'],
  'compact-': ALL,
  'context-management-': ALL,
  'files-api-': ['azure'],
  'interleaved-thinking-': ALL,
  'context-1m-': ALL,
  'skills-': ['azure'],
  'redact-thinking-': ['azure'],
  'task-budgets-': ['azure'],
}

/** The beta flags that a host takes, by how they begin; unknown ones it would refuse the request for. */
export function claudeBetas(host: ClaudeHost): string[] {
  return Object.keys(HOSTS).filter((prefix) => HOSTS[prefix]?.includes(host))
}
