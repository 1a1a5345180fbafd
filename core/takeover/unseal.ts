import { createDecipheriv, type KeyObject } from 'node:crypto'
import { passphraseKey } from '../sealing/passphrase.ts'
import { type Row, type Rows, type Table, TakeoverError, text } from './tables.ts'

const SALT = 'bifrost-encryption-v1-salt-2024'
const COST = { memory_kib: 65_536, passes: 1, lanes: 4 }
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Columns that hold nothing but secrets: sealed in a row that says so, or a reference, but never plain. */
const SECRETS: Partial<Record<Table, readonly string[]>> = {
  config_keys: [
    'value',
    'azure_client_secret',
    'vertex_auth_credentials',
    'bedrock_access_key',
    'bedrock_secret_key',
    'bedrock_session_token',
  ],
  governance_virtual_keys: ['value'],
  oauth_configs: ['client_secret'],
  oauth_tokens: ['access_token', 'refresh_token'],
}

/**
 * The rows with everything opened that a key sealed. Which columns those are differs from release to release, so each cell of a row marked
 * `encrypted` is tried: the tag tells. Throws TakeoverError where a key is missing, wrong, or a secret is damaged.
 */
export async function openSealedRows(rows: Rows, passphrase: string | undefined): Promise<Rows> {
  const isSealed = (row: Row) =>
    text(row, 'encryption_status') === 'encrypted' && Object.entries(row).some(([column, cell]) => isSealedCell(cell) && !isHash(column))
  if (!Object.values(rows).flat().some(isSealed)) return rows
  if (passphrase === undefined || passphrase === '') {
    throw new TakeoverError(
      'the database is sealed: set BIFROST_ENCRYPTION_KEY to its encryption_key, or name a variable by --encryption-key env.NAME',
    )
  }
  const opening: Opening = { key: await passphraseKey(passphrase, Buffer.from(SALT), COST), opened: 0 }
  return Object.fromEntries(
    Object.entries(rows).map(([table, list]) => [table, list.map((row) => (isSealed(row) ? openRow(row, table as Table, opening) : row))]),
  )
}

interface Opening {
  key: KeyObject
  /** Cells opened so far: with one, the key is right. */
  opened: number
}

function openRow(row: Row, table: Table, opening: Opening): Row {
  return Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, openCell(cell, { table, column, opening })]))
}

function openCell(cell: unknown, { table, column, opening }: { table: Table; column: string; opening: Opening }): unknown {
  if (!isSealedCell(cell)) return cell
  const plain = openText(cell, opening.key)
  if (plain !== undefined) {
    opening.opened += 1
    return plain
  }
  if (!SECRETS[table]?.includes(column)) return cell
  if (opening.opened === 0) throw new TakeoverError('the encryption key is not the one that the database was sealed by')
  throw new TakeoverError(`a sealed value in ${table}.${column} cannot be opened: it is damaged`)
}

/** Hashes look like sealed texts and never are. */
function isHash(column: string): boolean {
  return column.endsWith('_hash')
}

/** Base64 of at least a nonce and a tag. */
function isSealedCell(cell: unknown): cell is string {
  return typeof cell === 'string' && cell.length >= 40 && cell.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(cell)
}

function openText(sealed: string, key: KeyObject): string | undefined {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
