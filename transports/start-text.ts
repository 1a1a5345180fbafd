/** What the start-up text tells. Durations in milliseconds. */
export interface StartFacts {
  version: string
  pid: number
  threads: number
  /** Base URLs, one per listening socket. */
  urls: readonly string[]
  /** Name and duration of each phase, in order; `total` is said by itself. */
  phases: Readonly<Record<string, number>>
  /** Environment variables that create a provider; empty where one is configured. */
  keyVariables: readonly string[]
}

/** What an operator reads at the start: where it listens, how long each phase took, what to set, and a curl that works at once. */
export function startText({ version, pid, threads, urls, phases, keyVariables }: StartFacts): string {
  const { total, ...parts } = phases
  const durations = Object.entries(parts).map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
  const lines = [
    `bifrost-node ${version} (pid ${pid}, ${threads} data thread${threads === 1 ? '' : 's'})`,
    `listening on ${urls.join(' and ')}`,
    `ready in ${Math.round(total ?? 0)} ms: ${durations.join(', ')}`,
  ]
  if (keyVariables.length > 0) {
    lines.push('', `No provider is configured. Set ${orList(keyVariables)}, or give it a file:`, '  npm start -- --config config.json')
  }
  const body = `{"model":"demo/hello","messages":[{"role":"user","content":"Hello!"}]}`
  lines.push('', 'Try it:', `  curl ${urls[0]}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`, '')
  return `${lines.join('\n')}\n`
}

/** `http://host:port`, with brackets around an IPv6 address. */
export function baseUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function orList(names: readonly string[]): string {
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
