import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { PluginSettings } from '../snapshot.ts'

/** One entry of `plugins` (api.md 5.6). */
export const pluginSchema = z.strictObject({
  name: z.string().min(1).describe('Name of a built-in plugin, or the one a plugin of your own goes by.'),
  enabled: z.boolean().describe('Whether it is loaded.'),
  path: z.string().min(1).optional().describe('File (relative to this file) or installed package of a plugin of your own.'),
  config: z.record(z.string(), z.json()).optional().describe("The plugin's own settings; it refuses what it does not know."),
  version: z.int().min(1).default(1).describe('Raised to say that the plugin at the same path has changed.'),
  placement: z
    .enum(['pre_builtin', 'builtin', 'post_builtin'])
    .optional()
    .describe('Before or after the built-in plugins; after, unless said.'),
  order: z.int().default(0).describe('Order within its placement, lowest first.'),
})

/** Settings of one entry; `path` is where its module was found. */
export function toPluginSettings(entry: z.output<typeof pluginSchema>, path: string | undefined): PluginSettings {
  return Object.freeze({
    name: entry.name,
    // A module is imported once for each address: a raised version is another one.
    path: path !== undefined && entry.version > 1 ? `${path}?version=${entry.version}` : path,
    placement: entry.placement ?? (path === undefined ? 'builtin' : 'post_builtin'),
    order: entry.order,
    config: (entry.config ?? {}) as JsonObject,
  })
}

/** File URL of a plugin's module: a file relative to `folder`, or a package installed there. undefined when there is none. */
export function findPlugin(path: string, folder: string): string | undefined {
  const file = path.startsWith('file:') ? fileURLToPath(path) : resolve(folder, path)
  if (isFilePath(path)) return existsSync(file) ? pathToFileURL(file).href : undefined
  const found = findPackage(path, folder)
  return found === undefined ? undefined : pathToFileURL(found).href
}

function isFilePath(path: string): boolean {
  return /^(\.|\/|file:|[A-Za-z]:[\\/])/.test(path) || /\.[cm]?[jt]s$/.test(path)
}

/** The original resolver knows `require` alone; a package that only has an `import` entry is read from its package.json. */
function findPackage(name: string, folder: string): string | undefined {
  const require = createRequire(join(folder, 'config.json'))
  try {
    return require.resolve(name)
  } catch {
    for (const root of require.resolve.paths(name) ?? []) {
      const file = join(root, name, 'package.json')
      if (!existsSync(file)) continue
      const entry = entryOf(JSON.parse(readFileSync(file, 'utf8')) as Json)
      if (entry !== undefined && existsSync(join(dirname(file), entry))) return join(dirname(file), entry)
    }
    return undefined
  }
}

function entryOf(manifest: Json): string | undefined {
  if (!isObject(manifest)) return undefined
  const root = isObject(manifest.exports) ? (manifest.exports['.'] ?? manifest.exports) : manifest.exports
  const entry = isObject(root) ? (root.import ?? root.node ?? root.default) : root
  const target = isObject(entry) ? entry.default : entry
  return typeof target === 'string' ? target : undefined
}
