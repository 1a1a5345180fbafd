import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Builtins } from './builtins.ts'
import { issueProblems } from './issues.ts'
import { findPlugin } from './plugins.ts'
import { type Path, suggestion } from './problems.ts'
import type { Report } from './provider-checks.ts'

/** The folder that plugins' paths are relative to, and the plugins that are known by name. */
export interface PluginSource {
  folder: string
  builtins: Builtins
}

/** Where each plugin's module is, by name; built-ins have none. Reports names that nobody knows and paths that lead nowhere. */
export function checkPlugins(tree: Json, { folder, builtins }: PluginSource, report: Report): Map<string, string> {
  const found = new Map<string, string>()
  const entries = isObject(tree) ? tree.plugins : undefined
  if (!Array.isArray(entries)) return found
  const names = new Set<string>()
  for (const [index, entry] of (entries as readonly Json[]).entries()) {
    if (!isObject(entry) || typeof entry.name !== 'string') continue
    const { name, path } = entry
    const at: Path = ['plugins', index]
    if (names.has(name)) report([...at, 'name'], `"${name}" appears twice`)
    names.add(name)
    if (typeof path !== 'string' || isPlanned(builtins, name)) checkNamed(entry, { at, builtins }, report)
    else {
      const module = entry.enabled === false ? undefined : findPlugin(path, folder)
      if (module !== undefined) found.set(name, module)
      else if (entry.enabled !== false) report([...at, 'path'], `no such file or installed package (looked from ${folder})`)
      if (builtins.plugins.some((plugin) => plugin.name === name)) report([...at, 'name'], `"${name}" is the name of a built-in plugin`)
    }
  }
  return found
}

function isPlanned({ plugins, plannedPlugins }: Builtins, name: string): boolean {
  return !plugins.some((plugin) => plugin.name === name) && plannedPlugins?.some((plugin) => plugin.name === name) === true
}

/** A plugin without a module of its own: built in, or known and not served yet. */
function checkNamed(entry: JsonObject, { at, builtins }: { at: Path; builtins: Builtins }, report: Report): void {
  const name = String(entry.name)
  const known = builtins.plugins.map((plugin) => plugin.name)
  if (known.includes(name)) return
  const planned = builtins.plannedPlugins?.find((plugin) => plugin.name === name)
  if (planned === undefined) {
    const all = [...known, ...(builtins.plannedPlugins ?? []).map((plugin) => plugin.name)]
    return report([...at, 'name'], `unknown plugin${suggestion(name, all) || '; one of your own needs a path'}`)
  }
  if (entry.enabled === false) return
  const config = entry.config ?? {}
  const result = planned.config.safeParse(config)
  if (!result.success) {
    for (const { path, message } of issueProblems(result.error.issues, planned.config, config)) report([...at, 'config', ...path], message)
    return
  }
  const refusal = isObject(config) ? planned.refusal?.(config) : undefined
  if (refusal !== undefined) report([...at, 'config'], refusal)
}
