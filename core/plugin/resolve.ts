import { registerHooks } from 'node:module'
import { findPlugin } from '../config/plugins.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** What a plugin file may import by name wherever it lies, and the running copy behind it, so that `instanceof` holds. */
const OWN_MODULES: Readonly<Record<string, string>> = {
  'bifrost-node': new URL(`../index.${extension}`, import.meta.url).href,
  'bifrost-node/testing': new URL(`../../transports/testing.${extension}`, import.meta.url).href,
}
const MODULES_FOLDER = '/node_modules/'

/** Folders of plugins that are installed packages: there too `zod` is the running copy, but not for their own dependencies. */
const packageFolders = new Set<string>()
let isRegistered = false

/** Maps `bifrost-node`, `bifrost-node/testing` and `zod` to the running copies. Once per thread, before a plugin is imported. */
export function registerPluginImports(): void {
  if (isRegistered) return
  isRegistered = true
  registerHooks({
    resolve(specifier, context, next) {
      const own = OWN_MODULES[specifier]
      if (own) return { url: own, shortCircuit: true }
      const isZod = specifier === 'zod' || specifier.startsWith('zod/')
      return isZod && isPluginFile(context.parentURL)
        ? next(specifier, { ...context, parentURL: import.meta.url })
        : next(specifier, context)
    },
  })
}

/**
 * The default export of a plugin's module. `path` is a file URL, a file (absolute or relative to `folder`) or a package
 * installed there. Throws a sentence about what is wrong with it.
 */
export async function importPlugin(path: string, folder: string): Promise<unknown> {
  registerPluginImports()
  const url = path.startsWith('file:') ? path : findPlugin(path, folder)
  if (url === undefined) throw new Error(`there is no file or installed package ${path}`)
  const installed = packageFolder(url)
  if (installed) packageFolders.add(installed)
  try {
    const module: { default?: unknown } = await import(url)
    return module.default
  } catch (error) {
    throw new Error(importProblem(error, path, url), { cause: error })
  }
}

function isPluginFile(parent: string | undefined): boolean {
  if (!parent?.startsWith('file:')) return false
  const installed = packageFolder(parent)
  return installed === undefined || packageFolders.has(installed)
}

/** Up to the name of the innermost installed package that a file belongs to; undefined for files outside node_modules. */
function packageFolder(url: string): string | undefined {
  const start = url.lastIndexOf(MODULES_FOLDER)
  if (start < 0) return undefined
  const rest = url.slice(start + MODULES_FOLDER.length)
  const name = rest.split('/', rest.startsWith('@') ? 2 : 1).join('/')
  return url.slice(0, start + MODULES_FOLDER.length) + name
}

function importProblem(error: unknown, path: string, url: string): string {
  const { code, url: missing, message } = error as { code?: string; url?: string; message?: string }
  if (code === 'ERR_MODULE_NOT_FOUND' && missing === url) return `there is no file ${path}`
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') return `${path} holds TypeScript; an installed package must ship JavaScript`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return `${path} uses TypeScript that cannot be erased: ${message}`
  return `${path} cannot be loaded: ${message ?? String(error)}`
}
