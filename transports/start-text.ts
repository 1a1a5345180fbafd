/** What the start-up text tells. Durations in milliseconds. */
export interface StartFacts {
  version: string
  pid: number
  threads: number
  /** Where it listens: at least one. */
  urls: readonly string[]
  /** Where else, by what is served there (`admin`, `metrics`). */
  others?: Readonly<Record<string, readonly string[]>> | undefined
  /** Name and duration of each phase, in order; `total` is said by itself. */
  phases: Readonly<Record<string, number>>
  /** Environment variables that create a provider; empty where one is configured. */
  keyVariables: readonly string[]
}

/** What an operator reads at the start: where it listens, how long each phase took, what to set, and a curl that works at once. */
export function startText({ version, pid, threads, urls, others = {}, phases, keyVariables }: StartFacts): string {
  const { total, ...parts } = phases
  const durations = Object.entries(parts).map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
  const lines = [
    `bifrost-node ${version} (pid ${pid}, ${threads} data thread${threads === 1 ? '' : 's'})`,
    `listening on ${urls.join(', ')}`,
    ...Object.entries(others).map(([name, places]) => `${name} on ${places.join(', ')}`),
    `ready in ${Math.round(total ?? 0)} ms: ${durations.join(', ')}`,
  ]
  if (keyVariables.length > 0) {
    lines.push('', `No provider is configured. Set ${orList(keyVariables)}, or give it a file:`, '  npm start -- --config config.json')
  }
  const body = `{"model":"demo/hello","messages":[{"role":"user","content":"Hello!"}]}`
  lines.push(
    '',
    'Try it:',
    `  curl ${reachable(urls[0] as string)}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    '',
  )
  return `${lines.join('\n')}\n`
}

/** `http://host:port` (`https:` where the listener speaks TLS), with brackets around an IPv6 address; a `unix:` host as it is. */
export function baseUrl(host: string, port: number, isSecure = false): string {
  if (host.startsWith('unix:')) return host
  return `http${isSecure ? 's' : ''}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

/** An address that a client on this machine can use: all addresses, `0.0.0.0` or `::`, is none. */
function reachable(url: string): string {
  return url.startsWith('unix:')
    ? `--unix-socket ${url.slice('unix:'.length)} http://localhost`
    : url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost')
}

function orList(names: readonly string[]): string {
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
