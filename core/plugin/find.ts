import { suggestion } from '../config/problems.ts'
import type { PluginSettings } from '../snapshot.ts'
import { parsePluginConfig } from './config.ts'
import type { Plugin } from './plugin.ts'
import { importPlugin } from './resolve.ts'

/** Where plugins come from. */
export interface PluginSources {
  /** Plugins that rows may name; one that no row names is not loaded. */
  builtins: readonly Plugin[]
  /** Folder that relative paths and package names are looked up from; the working directory where absent. */
  folder?: string | undefined
}

/** A row with its plugin, before `setup`. */
export interface Candidate {
  settings: PluginSettings
  plugin: Plugin
  config: unknown
}

/** A row's plugin with its configuration parsed. A candidate comes back also with a bad configuration, so that its name counts. */
export async function findCandidate(
  settings: PluginSettings,
  sources: PluginSources,
): Promise<{ candidate?: Candidate; problems: string[] }> {
  const at = (problem: string) => `plugins.${settings.name}: ${problem}`
  try {
    const plugin = settings.path === undefined ? builtin(settings.name, sources.builtins) : await thirdParty(settings.path, sources)
    const { config, problems } = await parsePluginConfig(plugin, settings.config)
    return { candidate: { settings, plugin, config }, problems: problems.map(at) }
  } catch (error) {
    return { problems: [at(sentence(error))] }
  }
}

function builtin(name: string, builtins: readonly Plugin[]): Plugin {
  const plugin = builtins.find((each) => each.name === name)
  if (plugin) return plugin
  const names = builtins.map((each) => each.name)
  const hint = suggestion(name, names) || `; there are: ${names.join(', ') || 'none'}`
  throw new Error(`there is no built-in plugin of this name, and another's needs a path${hint}`)
}

async function thirdParty(path: string, sources: PluginSources): Promise<Plugin> {
  const exported = await importPlugin(path, sources.folder ?? process.cwd())
  const plugin = typeof exported === 'function' ? await exported() : exported
  if (isPlugin(plugin)) return plugin
  throw new Error(`the default export of ${path} is no plugin; export default definePlugin({ name, setup })`)
}

function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== 'object' || value === null) return false
  const { name, setup } = value as Partial<Plugin>
  return typeof name === 'string' && name !== '' && typeof setup === 'function'
}

/** Names of rows that come more than once, as problems. */
export function duplicates(names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...twice].map((name) => `plugins.${name}: the name is used more than once`)
}

/** Names that plugins give themselves: others require them by it, so one name is one plugin, and a built-in's is its own. */
export function takenNames(known: readonly Candidate[], builtins: readonly Plugin[]): string[] {
  return known.flatMap(({ settings, plugin }, index) => {
    if (settings.path !== undefined && builtins.some((each) => each.name === plugin.name)) {
      return [`plugins.${settings.name}: the plugin calls itself "${plugin.name}", which is a built-in's name`]
    }
    const first = known.findIndex((each) => each.plugin.name === plugin.name)
    if (first === index || known[first]?.settings.name === settings.name) return []
    return [`plugins.${settings.name}: the plugin calls itself "${plugin.name}", as plugins.${known[first]?.settings.name} does`]
  })
}

/** What an error says, whatever was thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
