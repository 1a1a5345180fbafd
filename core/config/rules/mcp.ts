import { isObject } from '../../canonical/json.ts'
import { type Subject, textOf, textsOf } from './subject.ts'

/** An MCP client: what its kind of connection needs, and nothing runs by itself that may not run at all. */
export function checkMcpClient({ body, report }: Subject): void {
  const kind = body.connection_type
  if (kind === 'inprocess') report(['connection_type'], '"inprocess" is for programs that embed a library; use stdio, http or sse')
  if (kind === 'stdio' && !isObject(body.stdio_config)) report(['stdio_config'], 'is required for stdio')
  if (kind === 'http' || kind === 'sse') checkUrl(body.connection_string, (message) => report(['connection_string'], message))
  if (body.auth_type === 'headers' && (!isObject(body.headers) || Object.keys(body.headers).length === 0))
    report(['headers'], 'is required for the auth_type headers')
  const allowed = textsOf(body.tools_to_execute).map(([, name]) => name)
  if (allowed.includes('*')) return
  for (const [index, name] of textsOf(body.tools_to_auto_execute))
    if (!allowed.includes(name)) report(['tools_to_auto_execute', index], `"${name}" is not among tools_to_execute`)
}

function checkUrl(value: unknown, report: (message: string) => void): void {
  const text = textOf({ value } as Parameters<typeof textOf>[0], 'value')
  if (text === undefined) report('is required: the URL of the server')
  else if (!/^https?:$/.test(URL.parse(text)?.protocol ?? '')) report('must be a URL that begins with http:// or https://')
}
