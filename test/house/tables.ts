import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownSettingsTable } from '../../core/config/json-schema.ts'
import { ERRORS } from '../../core/errors.ts'
import { HOOK_KINDS } from '../../core/hooks/hooks.ts'
import { builtins } from '../../plugins/index.ts'
import { plannedProviders, providers } from '../../providers/index.ts'
import { ROOT } from './sources.ts'

/** Tables that are made from the code: page, then the name of the markers. */
export const TABLES: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'README.md': { 'own-settings': () => ownSettingsTable({ providers, planned: plannedProviders, plugins: builtins }) },
  'core/README.md': { hooks: hookTable, errors: errorTable },
}

/** A page with every table between its markers (`<!-- hooks -->` ... `<!-- /hooks -->`) made anew. Throws where a marker is missing. */
export function withTables(page: string): string {
  let text = readFileSync(join(ROOT, page), 'utf8')
  for (const [name, table] of Object.entries(TABLES[page] ?? {})) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [start, end] = [text.indexOf(open), text.indexOf(close)]
    if (start < 0 || end < start) throw new Error(`${page} lacks the markers ${open} and ${close}`)
    text = `${text.slice(0, start + open.length)}\n${table()}\n${text.slice(end)}`
  }
  return text
}

/** What each hook may do is said once, above its signature in core/hooks/hooks.ts. */
function hookTable(): string {
  const source = readFileSync(join(ROOT, 'core/hooks/hooks.ts'), 'utf8')
  const rows = Object.entries(HOOK_KINDS).map(([name, { kind, isAsync, onError }]) => {
    const comment = new RegExp(`/\\*\\* ([^\\n]*) \\*/\\n  ${name}\\(`).exec(source)?.[1]
    if (!comment) throw new Error(`${name} has no sentence above its signature in core/hooks/hooks.ts`)
    return [`\`${name}\``, kind, isAsync ? 'yes' : 'no', onError, comment]
  })
  return table(['hook', 'kind', 'may wait', 'fails', 'what it is for'], rows)
}

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, isRetryable, type, message }]) => {
    return [`\`${code}\``, String(status), isRetryable ? 'yes' : 'no', `\`${type}\``, message]
  })
  return table(['code', 'status', 'retried', '`error.type`', 'message'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
