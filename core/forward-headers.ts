import type { HeaderList } from './edge.ts'
import type { Format } from './format.ts'
import type { ClientSettings } from './snapshot.ts'

const PREFIX = 'x-bf-eh-'

/** Never forwarded, whatever the lists say (D7, api.md 3.2): credentials of any provider, and what belongs to one connection. */
const BLOCKED: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-connection',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'xi-api-key',
  'cookie',
  'host',
  'content-length',
  'content-encoding',
  'accept-encoding',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'via',
])
const BLOCKED_PREFIXES = ['x-amz-', 'x-bf-', 'x-bifrost-']
/** RFC 9110 token, and what may stand in a value: visible latin1 and blanks. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether a header may be sent to a provider on a client's word. `name` is lower case, without the prefix. */
export function isForwardable(name: string): boolean {
  return NAME.test(name) && !BLOCKED.has(name) && !BLOCKED_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/**
 * Header lines that a client sends on to the provider: `x-bf-eh-<name>` subject to `client.header_filter_config`, names of its
 * allow-list without the prefix, and those that `shared` names: of the dialect where the provider speaks it too, or the provider's own.
 */
export function forwardedHeaders(
  incoming: ReadonlyMap<string, string>,
  client: ClientSettings,
  shared: Pick<Format, 'headers'> | undefined,
): HeaderList {
  const found: [string, string][] = []
  const connection = incoming.get('connection')
  for (const [header, value] of incoming) {
    const isPrefixed = header.startsWith(PREFIX)
    const name = isPrefixed ? header.slice(PREFIX.length) : header
    if (!isPrefixed && !shared?.headers?.includes(name) && !listed(client.headerAllowlist, name)) continue
    if (isPrefixed && !isAllowed(client, name)) continue
    if (listed(client.headerDenylist, name) || !isForwardable(name) || !VALUE.test(value)) continue
    if (connection !== undefined && namesHeader(connection, header)) continue
    found.push([name, value])
  }
  return found
}

function isAllowed(client: ClientSettings, name: string): boolean {
  return client.headerAllowlist.size === 0 || listed(client.headerAllowlist, name)
}

/** Lists may name a header with the prefix or without it. */
function listed(list: ReadonlySet<string>, name: string): boolean {
  return list.size > 0 && (list.has(name) || list.has(PREFIX + name))
}

/** Whether a Connection header says that `name` belongs to this hop alone. */
function namesHeader(connection: string, name: string): boolean {
  return connection
    .toLowerCase()
    .split(',')
    .some((entry) => entry.trim() === name)
}

/** Header lines merged by name, later ones winning; those that hold lists are joined without doubles. */
export function mergeHeaders(lists: readonly HeaderList[], listHeaders: readonly string[] = []): HeaderList {
  const merged = new Map<string, string>()
  for (const list of lists) {
    for (const [name, value] of list) {
      const before = merged.get(name)
      merged.set(name, before !== undefined && listHeaders.includes(name) ? joinLists(before, value) : value)
    }
  }
  return [...merged]
}

function joinLists(first: string, second: string): string {
  const seen = new Map<string, string>()
  for (const entry of `${first},${second}`.split(',')) {
    const flag = entry.trim()
    if (flag !== '' && !seen.has(flag.toLowerCase())) seen.set(flag.toLowerCase(), flag)
  }
  return [...seen.values()].join(',')
}

/** Headers of answers that tell a client something; all others stay here (a provider once echoed its key in one). */
const SHOWN = /^(x-ratelimit-|ratelimit|retry-after|request-id$|cf-ray$|x-envoy-upstream-service-time$)/

/** Header lines of a provider's answer that are passed on to the client: the common ones, and those of its dialect. */
export function shownHeaders(headers: HeaderList, format: Format): [string, string][] {
  const shown: [string, string][] = []
  for (const [name, value] of headers) {
    const isShown = SHOWN.test(name) || format.answerHeaders?.some((prefix) => name.startsWith(prefix))
    if (isShown && VALUE.test(value)) shown.push([name, value])
  }
  return shown
}
