import type { Context } from './context.ts'
import type { HeaderList } from './edge.ts'
import type { Format } from './format.ts'
import { forwardedHeaders, mergeHeaders } from './forward-headers.ts'

/** Which beta flags a provider is sent. Names begin like these; whatever their case. */
export interface BetaRules {
  /** What is known of the provider: the flags that it takes; absent: all. */
  known?: readonly string[] | undefined
  /** `network_config.beta_header_overrides`, lower case, the longest first: what the operator knows better. */
  overrides: readonly (readonly [prefix: string, isSent: boolean])[]
}

/** Whether a flag is sent: as the longest override says that it begins with, else as is known of the provider. */
export function passesBeta({ known, overrides }: BetaRules, flag: string): boolean {
  const name = flag.toLowerCase()
  const said = overrides.find(([prefix]) => name.startsWith(prefix))
  return said ? said[1] : known === undefined || known.some((prefix) => name.startsWith(prefix))
}

/** Header lines in which those that `names` names hold only the flags that are sent; a line that would be empty is left out. */
export function passBetas(lines: HeaderList, names: readonly string[] | undefined, rules: BetaRules): HeaderList {
  if (!names || (rules.known === undefined && rules.overrides.length === 0)) return lines
  return lines.flatMap(([name, value]): HeaderList => {
    if (!names.includes(name)) return [[name, value]]
    const flags = value.split(',').map((flag) => flag.trim())
    const sent = flags.filter((flag) => flag !== '' && passesBeta(rules, flag)).join(',')
    return sent === '' ? [] : [[name, sent]]
  })
}

/**
 * Flags that a client says in headers which the provider's format wants in the body: with the prefix of forwarded headers, or
 * plainly where the client's own dialect has them. Undefined for formats that want none.
 */
export function clientBetas(ctx: Context, format: Format, rules: BetaRules): string[] | undefined {
  const { bodyHeaders } = format
  if (!bodyHeaders) return undefined
  const headers = bodyHeaders.filter((name) => ctx.inbound.headers?.includes(name))
  const lines = forwardedHeaders(ctx.incoming.headers, ctx.client, { headers }).filter(([name]) => bodyHeaders.includes(name))
  const flags = mergeHeaders(
    lines.map((line) => [line]),
    bodyHeaders,
  ).flatMap(([, value]) => value.split(',').map((flag) => flag.trim()))
  const distinct = new Map(flags.toReversed().map((flag) => [flag.toLowerCase(), flag])).values()
  return [...distinct].toReversed().filter((flag) => flag !== '' && passesBeta(rules, flag))
}
