import { ConfigError } from './config/problems.ts'
import type { Format } from './format.ts'
import type { Authenticator, AuthKind, Provider } from './provider.ts'

/** Names to objects, for everything that a configuration or a route names. Read-only; the same in every thread. */
export interface Registry {
  readonly formats: ReadonlyMap<string, Format>
  readonly providers: ReadonlyMap<string, Provider>
  /** The entry of that name; throws when there is none, which boot has ruled out for configured providers. */
  provider(name: string): Provider
  /** The format of that name; throws when there is none. */
  format(name: string): Format
  /** How an entry's keys sign requests in. */
  authenticator(provider: Provider): Authenticator
}

/** What a registry is made of. */
export interface RegistryOptions {
  formats: readonly Format[]
  providers: readonly Provider[]
  authenticators: Readonly<Record<AuthKind, Authenticator>>
}

/** Builds the registry. Throws one ConfigError with everything that does not fit together. */
export function createRegistry({ formats, providers, authenticators }: RegistryOptions): Registry {
  const problems = [...duplicates('format', formats), ...duplicates('provider', providers)]
  const formatsByName = new Map(formats.map((format) => [format.name, format]))
  const providersByName = new Map(providers.map((provider) => [provider.name, provider]))
  for (const provider of providers) problems.push(...providerProblems(provider, formatsByName))
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    formats: formatsByName,
    providers: providersByName,
    provider: (name) => found(providersByName, name, 'provider'),
    format: (name) => found(formatsByName, name, 'format'),
    authenticator: ({ auth }) => authenticators[auth],
  }
}

function duplicates(kind: string, list: readonly { name: string }[]): string[] {
  const names = list.map((item) => item.name)
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...twice].map((name) => `${kind} ${name} is registered twice`)
}

function providerProblems({ name, format: formatName, respond }: Provider, formats: ReadonlyMap<string, Format>): string[] {
  const format = formats.get(formatName)
  if (!format) return [`provider ${name} speaks the unknown format ${formatName}`]
  return format.outbound || respond ? [] : [`provider ${name} speaks the format ${formatName}, which has no outbound half`]
}

function found<T>(map: ReadonlyMap<string, T>, name: string, kind: string): T {
  const value = map.get(name)
  if (value === undefined) throw new ConfigError([`unknown ${kind} ${name}`])
  return value
}
