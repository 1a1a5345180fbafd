import type { Environment } from '../config/env.ts'
import type { TakenDocument } from './documents.ts'
import { NoteBook, type Notes } from './notes.ts'
import { readGovernance, readVirtualKeys } from './read-governance.ts'
import { readMcp, readPrompts } from './read-mcp.ts'
import { readProviders } from './read-providers.ts'
import { readSettings } from './read-settings.ts'
import { LATER_MIGRATIONS, MARKS, type Rows, rowsOf, TakeoverError, text } from './tables.ts'
import { openSealedRows } from './unseal.ts'

/** What a database is read with. */
export interface ReadOptions {
  /** The encryption_key that it was sealed by; undefined: none. */
  passphrase: string | undefined
  /** Blocks of keys that hold the server's URL, by their providers. */
  keyUrls: Readonly<Record<string, string>>
  /** Names of the built-in plugins. */
  plugins: ReadonlySet<string>
}

/** A database, read: documents in the order in which they are to be written, owners and what they refer to first. */
export interface Takeover {
  documents: TakenDocument[]
  notes: Notes
}

/** Reads a database of Bifrost 1.4 by the rules of 1.5. Pure but for the time that Argon2id takes. Rejects with TakeoverError. */
export async function readBifrost(sealed: Rows, { passphrase, keyUrls, plugins }: ReadOptions): Promise<Takeover> {
  refuseOthers(sealed)
  const rows = await openSealedRows(sealed, passphrase)
  const book = new NoteBook()
  const reading = { rows, book, keyUrls, plugins }
  const documents = [
    ...readProviders(reading),
    ...readMcp(reading),
    ...readGovernance(reading),
    ...readVirtualKeys(reading),
    ...readPrompts(reading),
    ...readSettings(reading),
  ]
  return { documents: inOrder(documents), notes: book.all() }
}

function refuseOthers(rows: Rows): void {
  const missing = MARKS.filter((table) => rows[table] === undefined)
  if (missing.length > 0) throw new TakeoverError(`this is no database of Bifrost's: it has no table ${missing.join(', ')}`)
  const later = rowsOf(rows, 'migrations').find((row) => LATER_MIGRATIONS.includes(text(row, 'id') ?? ''))
  if (!later) return
  throw new TakeoverError(
    'this is a database of Bifrost 1.5 or later: its empty lists allow nothing already, and the rules for 1.4 would open them',
  )
}

/** Collections in the order in which they may refer to each other; within one by id, so that two readings are the same. */
const ORDER = [
  'providers',
  'keys',
  'budgets',
  'rate_limits',
  'customers',
  'teams',
  'provider_governance',
  'model_configs',
  'pricing_overrides',
  'oauth_configs',
  'mcp_clients',
  'virtual_keys',
  'routing_rules',
  'prompt_folders',
  'prompts',
  'prompt_versions',
  'prompt_sessions',
  'plugins',
  'settings',
]

function inOrder(documents: readonly TakenDocument[]): TakenDocument[] {
  return [...documents].sort(
    (a, b) => ORDER.indexOf(a.collection) - ORDER.indexOf(b.collection) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  )
}

/** The passphrase of a source: what a variable named by `env.NAME` holds. Throws TakeoverError where it is another form or not set. */
export function passphraseFrom(reference: string | undefined, env: Environment): string | undefined {
  if (reference === undefined) return env.BIFROST_ENCRYPTION_KEY
  const name = /^env\.([A-Za-z_]\w*)$/.exec(reference)?.[1]
  if (name === undefined)
    throw new TakeoverError('--encryption-key takes env.NAME: a key on the command line is seen by everyone on the machine')
  const value = env[name]
  if (value === undefined || value === '') throw new TakeoverError(`the environment variable ${name} is not set, or empty`)
  return value
}
