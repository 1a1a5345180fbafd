import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { assignSlots } from '../slots.ts'
import type { ClientSettings, PluginSettings, ProviderSettings, SnapshotTables } from '../snapshot.ts'
import type { Builtins } from './builtins.ts'
import { toClientSettings } from './client.ts'
import { checkEdge } from './edge.ts'
import { coerceText, type Environment, type Resolved, resolveEnv } from './env.ts'
import { toGovernanceTables } from './governance/tables.ts'
import { issueSentences, valueAt } from './issues.ts'
import { parseJsonText } from './json-text.ts'
import { upgradeV1 } from './migrations/v1.ts'
import { configNotices, some } from './notices.ts'
import { withPlaces } from './places.ts'
import { checkPlugins } from './plugin-checks.ts'
import { toPluginSettings } from './plugins.ts'
import { type Path, pathText } from './problems.ts'
import { checkProviders } from './provider-checks.ts'
import { toProviderSettings } from './provider-settings.ts'
import { providerSchema } from './providers.ts'
import { authConfigOf, type RootBlock, rootSchema } from './root.ts'
import { checkBlocks, checkEntities } from './rules/index.ts'
import { configSecrets } from './secrets.ts'
import { checkServed } from './served.ts'
import { checkStores } from './store-checks.ts'

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
  /** Folder that plugins' paths are relative to; the file's unless said. */
  folder?: string | undefined
  /** The tree is made of stored documents, which are checked one by one as they change: a provider may lack its keys, and what others refer to may not be in it. */
  isStored?: boolean | undefined
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
  /** The configuration as one of today, with its environment filled in, also where there are problems: secrets are in it. */
  tree?: Json | undefined
  /** The same with its `env.` references as written. */
  source?: Json | undefined
}

/**
 * Reads a configuration: from a file, from a value, or, with neither, from the environment variables that create a
 * provider each. Never throws for what the configuration says; every problem is in the list, all at once.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const loaded = loadTree(options)
  return options.file === undefined || loaded.problems.length === 0
    ? loaded
    : { ...loaded, problems: placed(options.file, loaded.problems) }
}

/** With lines, as far as the file can be read. */
function placed(file: string, problems: string[]): string[] {
  try {
    return withPlaces(readFileSync(file, 'utf8'), problems)
  } catch {
    return problems
  }
}

function loadTree(options: LoadOptions): Loaded {
  const { tree, notices, problems } = readConfig(options)
  if (tree === undefined) return { problems, notices: [], secrets: [] }
  const resolved = resolveEnv(tree, options.env)
  const secrets = configSecrets(resolved.value)
  const parsed = parse(resolved, options.builtins)
  problems.push(...resolved.problems, ...parsed.problems)
  const report = (path: Path, message: string) => {
    const place = pathText(path)
    if (!resolved.unresolved.has(place)) problems.push(`${place}: ${message}`)
  }
  const { builtins, isStored = false } = options
  checkProviders(isObject(resolved.value) ? resolved.value.providers : undefined, { builtins, needsKeys: !isStored }, report)
  if (!isStored) checkEntities(resolved.value, builtins, report)
  checkBlocks(resolved.value, report)
  checkStores(resolved.value, options.builtins, report)
  checkServed(resolved.value, report)
  checkEdge(valueAt(resolved.value, ['client']), folderOf(options), report)
  const plugins = checkPlugins(resolved.value, { folder: folderOf(options), builtins }, report)
  if (problems.length > 0 || parsed.block === undefined)
    return { problems: [...new Set(problems)], notices: [], secrets, tree: resolved.value, source: tree }
  const tables = toTables(parsed.block, plugins, options)
  return {
    tables,
    problems: [],
    notices: [...notices, ...configNotices(resolved.value, parsed.block, options)],
    secrets,
    tree: resolved.value,
    source: tree,
  }
}

/** The configuration as it is written today, `env.` references unread: a file of v1.4 is brought up to date. `tree` is undefined where there is none to read. */
export function readConfig(options: LoadOptions): { tree: Json | undefined; notices: string[]; problems: string[] } {
  const { tree, problems } = readTree(options)
  return tree === undefined ? { tree, notices: [], problems } : { ...today(tree, options.builtins), problems }
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

/** A file of v1.4 as one of today, with what that changed; any other as it is. */
function today(tree: Json, { providers }: Builtins): { tree: Json; notices: string[] } {
  if (!isObject(tree) || tree.version !== 1) return { tree, notices: [] }
  const keyUrls = providers.flatMap(({ name, keyUrl, keyModelName }) => (keyUrl && !keyModelName ? [[name, keyUrl] as const] : []))
  const { tree: upgraded, changes } = upgradeV1(tree, { keyUrls: Object.fromEntries(keyUrls) })
  const places = new Map<string, string[]>()
  for (const { path, message } of changes) {
    const known = places.get(message)
    if (known) known.push(pathText(path))
    else places.set(message, [pathText(path)])
  }
  const notices = [...places].map(([message, paths]) => `version 1: ${message} (${some(paths)})`)
  return { tree: upgraded, notices: ['version 1: empty and missing allow-lists allow everything, as in v1.4', ...notices] }
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

/** What relative paths in the configuration start from. */
function folderOf({ file, folder }: LoadOptions): string {
  return folder ?? (file === undefined ? process.cwd() : dirname(resolve(file)))
}

function toTables(block: RootBlock, modules: ReadonlyMap<string, string>, options: LoadOptions): SnapshotTables {
  const { builtins, memoryBytes } = options
  const entries = new Map(builtins.providers.map((entry) => [entry.name, entry]))
  const empty = providerSchema(builtins).parse({})
  const blocks = new Map(Object.entries(block.providers))
  for (const entry of builtins.providers) if (entry.respond && !blocks.has(entry.name)) blocks.set(entry.name, empty)
  const providers: ProviderSettings[] = []
  for (const [name, settings] of blocks) {
    const entry = entries.get(settings.custom_provider_config?.base_provider_type ?? name)
    if (entry) providers.push(toProviderSettings(name, settings, entry))
  }
  const planned = new Set(builtins.plannedPlugins?.map(({ name }) => name))
  const isLoaded = ({ name, enabled }: { name: string; enabled: boolean }) => enabled && (modules.has(name) || !planned.has(name))
  const plugins = block.plugins.filter(isLoaded).map((plugin) => toPluginSettings(plugin, modules.get(plugin.name)))
  const client = toClientSettings(block.client, {
    memoryBytes: memoryBytes ?? machineMemory(),
    folder: folderOf(options),
    auth: authConfigOf(block),
  })
  return {
    client: new Map<'client', ClientSettings>([['client', client]]),
    providers: new Map(assignSlots(providers).providers.map((provider) => [provider.name, provider])),
    plugins: new Map<string, PluginSettings>(plugins.map((plugin) => [plugin.name, plugin])),
    ...toGovernanceTables(block.governance),
  }
}

/** In a container the limit counts, not what the host has. */
function machineMemory(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
