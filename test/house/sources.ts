import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Folders that hold sources of the product. */
export const PRODUCT = ['core', 'plugins', 'providers', 'transports']

/** One TypeScript file of ours; `path` from the repository's root, with slashes. */
export interface Source {
  path: string
  text: string
}

/** One `import` or `export ... from`. */
export interface Import {
  /** A path from the root for a file of ours, else the specifier. */
  target: string
  isOwn: boolean
  /** It is there at run time. */
  isValue: boolean
}

/** All TypeScript files below these folders, declarations apart. */
export function sourcesOf(folders: readonly string[]): Source[] {
  const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT, exclude: (path) => path.includes('test/fixtures') }))
  return paths
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !path.endsWith('.d.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w$*{][^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm
const DYNAMIC = /(?<!typeof )\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** What a file imports. `import('x').Type` counts as a type, `await import('x')` as a value. */
export function importsOf({ path, text }: Source): Import[] {
  const code = withoutComments(text)
  const fixed = [...code.matchAll(STATEMENT)].map(([, type, specifier = '']) => resolveImport(path, specifier, type === undefined))
  const dynamic = [...code.matchAll(DYNAMIC)].map((match) => {
    const isValue = !/^\s*\.\s*[A-Z]/.test(code.slice(match.index + match[0].length))
    return resolveImport(path, match[1] ?? '', isValue)
  })
  return [...fixed, ...dynamic]
}

function resolveImport(from: string, specifier: string, isValue: boolean): Import {
  const isOwn = specifier.startsWith('.')
  return { target: isOwn ? posix.join(posix.dirname(from), specifier) : specifier, isOwn, isValue }
}

/** The text with comments blanked out. Knows strings and templates well enough for code that Biome has formatted. */
export function withoutComments(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|(?<=^|[\s(,;{}])\/\/[^\n]*/gm
  return text.replace(token, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found))
}
