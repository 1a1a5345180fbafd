import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { assignSlots } from '../slots.ts'
import type { ClientSettings, PluginSettings, ProviderSettings, SnapshotTables } from '../snapshot.ts'
import type { Builtins } from './builtins.ts'
import { CLIENT_ENFORCED, toClientSettings } from './client.ts'
import { coerceText, type Environment, type Resolved, resolveEnv } from './env.ts'
import { issueSentences, valueAt } from './issues.ts'
import { parseJsonText } from './json-text.ts'
import { configNotices } from './notices.ts'
import { findPlugin, toPluginSettings } from './plugins.ts'
import { type Path, pathText, suggestion } from './problems.ts'
import { checkProviders } from './provider-checks.ts'
import { toProviderSettings } from './provider-settings.ts'
import { providerSchema } from './providers.ts'
import { type RootBlock, rootSchema } from './root.ts'
import { secretsIn } from './secrets.ts'

/** Where a configuration comes from, and what it may name. */
export interface LoadOptions {
  /** A config.json to read. */
  file?: string | undefined
  /** A configuration as a value, instead of a file. */
  config?: JsonObject | undefined
  env: Environment
  builtins: Builtins
  /** What the machine has, in bytes; the default of `client.max_buffered_body_mb` is a quarter of it. */
  memoryBytes?: number | undefined
}

/** A configuration, read, or what is wrong with it. */
export interface Loaded {
  /** Absent when there are problems. */
  tables?: SnapshotTables | undefined
  /** Everything that is wrong, a sentence each, with its path and without secrets. */
  problems: string[]
  /** What an operator should know: settings without effect, keys that serve nothing. */
  notices: string[]
  /** Texts that must never be logged: for the log's redactor. */
  secrets: string[]
}

/**
 * Reads a configuration: from a file, from a value, or, with neither, from the environment variables that create a
 * provider each. Never throws for what the configuration says; every problem is in the list, all at once.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const { tree, problems } = readTree(options)
  if (tree === undefined) return { problems, notices: [], secrets: [] }
  const resolved = resolveEnv(tree, options.env)
  const secrets = secretsIn(resolved.value)
  const parsed = parse(resolved, options.builtins)
  problems.push(...resolved.problems, ...parsed.problems)
  const report = (path: Path, message: string) => {
    const place = pathText(path)
    if (!resolved.unresolved.has(place)) problems.push(`${place}: ${message}`)
  }
  checkProviders(isObject(resolved.value) ? resolved.value.providers : undefined, options.builtins, report)
  checkClient(resolved.value, report)
  const plugins = checkPlugins(resolved.value, options, report)
  if (problems.length > 0 || parsed.block === undefined) return { problems: [...new Set(problems)], notices: [], secrets }
  const tables = toTables(parsed.block, plugins, options)
  return { tables, problems: [], notices: configNotices(resolved.value, parsed.block, options), secrets }
}

function readTree({ file, config, env, builtins }: LoadOptions): { tree: Json | undefined; problems: string[] } {
  if (config !== undefined) return { tree: config, problems: [] }
  if (file === undefined) return { tree: treeOfEnv(env, builtins), problems: [] }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { tree: undefined, problems: [`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`] }
  }
  const { value, problems } = parseJsonText(text)
  return { tree: value, problems: value === undefined ? problems.map((problem) => `${file}: ${problem}`) : problems }
}

/** What the environment alone configures. The key is named after its variable, which is what errors then show. */
function treeOfEnv(env: Environment, { providers }: Builtins): JsonObject {
  const found: JsonObject = {}
  for (const { name, envKey } of providers) {
    if (envKey === undefined || (env[envKey] ?? '').trim() === '') continue
    found[name] = { keys: [{ name: envKey, value: `env.${envKey}`, models: ['*'] }] }
  }
  return { providers: found }
}

/** The schema's verdict. Numbers and booleans from the environment are texts: where one stands in the way it is read as what it spells. */
function parse(resolved: Resolved, builtins: Builtins): { block?: RootBlock; problems: string[] } {
  const schema = rootSchema(builtins)
  let result = schema.safeParse(resolved.value)
  if (!result.success && coerceFromEnv(resolved, result.error.issues)) result = schema.safeParse(resolved.value)
  if (result.success) return { block: result.data, problems: [] }
  const issues = result.error.issues.filter((issue) => !resolved.unresolved.has(pathText(issue.path as Path)))
  return { problems: issueSentences(issues, schema, resolved.value) }
}

function coerceFromEnv(resolved: Resolved, issues: readonly { code: string; path: PropertyKey[] }[]): boolean {
  let isChanged = false
  for (const issue of issues) {
    const path = issue.path as Path
    if (!resolved.fromEnv.has(pathText(path)) || (issue.code !== 'invalid_type' && issue.code !== 'invalid_union')) continue
    const value = coerceText(String(valueAt(resolved.value, path)))
    const holder = valueAt(resolved.value, path.slice(0, -1))
    if (value === undefined || typeof holder !== 'object' || holder === null) continue
    ;(holder as Record<string | number, Json>)[path.at(-1) as string] = value
    isChanged = true
  }
  return isChanged
}

function checkClient(tree: Json, report: (path: Path, message: string) => void): void {
  const client = isObject(tree) ? tree.client : undefined
  if (!isObject(client)) return
  for (const name of CLIENT_ENFORCED)
    if (client[name] === true) report(['client', name], 'cannot be enforced by this version, which has no virtual keys yet; take it out')
}

/** Where each plugin's module is, by name; built-ins have none. */
function checkPlugins(tree: Json, options: LoadOptions, report: (path: Path, message: string) => void): Map<string, string> {
  const found = new Map<string, string>()
  const entries = isObject(tree) ? tree.plugins : undefined
  if (!Array.isArray(entries)) return found
  const builtins = options.builtins.plugins.map((plugin) => plugin.name)
  const folder = options.file === undefined ? process.cwd() : dirname(resolve(options.file))
  const names = new Set<string>()
  for (const [index, entry] of (entries as readonly Json[]).entries()) {
    if (!isObject(entry) || typeof entry.name !== 'string') continue
    const { name, path, enabled } = entry
    if (names.has(name)) report(['plugins', index, 'name'], `"${name}" appears twice`)
    names.add(name)
    if (typeof path === 'string') {
      const module = enabled === false ? undefined : findPlugin(path, folder)
      if (module !== undefined) found.set(name, module)
      else if (enabled !== false) report(['plugins', index, 'path'], `no such file or installed package (looked from ${folder})`)
      if (builtins.includes(name)) report(['plugins', index, 'name'], `"${name}" is the name of a built-in plugin`)
    } else if (!builtins.includes(name))
      report(['plugins', index, 'name'], `unknown plugin${suggestion(name, builtins) || '; one of your own needs a path'}`)
  }
  return found
}

function toTables(block: RootBlock, modules: ReadonlyMap<string, string>, { builtins, memoryBytes }: LoadOptions): SnapshotTables {
  const entries = new Map(builtins.providers.map((entry) => [entry.name, entry]))
  const empty = providerSchema(builtins).parse({})
  const blocks = new Map(Object.entries(block.providers))
  for (const entry of builtins.providers) if (entry.respond && !blocks.has(entry.name)) blocks.set(entry.name, empty)
  const providers: ProviderSettings[] = []
  for (const [name, settings] of blocks) {
    const entry = entries.get(settings.custom_provider_config?.base_provider_type ?? name)
    if (entry) providers.push(toProviderSettings(name, settings, { entry, isEmptyAll: block.version === 1 }))
  }
  const plugins = block.plugins.filter((plugin) => plugin.enabled).map((plugin) => toPluginSettings(plugin, modules.get(plugin.name)))
  return {
    client: new Map<'client', ClientSettings>([['client', toClientSettings(block.client, memoryBytes ?? machineMemory())]]),
    providers: new Map(assignSlots(providers).providers.map((provider) => [provider.name, provider])),
    plugins: new Map<string, PluginSettings>(plugins.map((plugin) => [plugin.name, plugin])),
  }
}

/** In a container the limit counts, not what the host has. */
function machineMemory(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
