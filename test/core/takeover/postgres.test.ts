import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBifrost } from '../../../core/takeover/read-bifrost.ts'
import { readRows, sourceName } from '../../../core/takeover/source.ts'
import { sealedTables, statements, TABLES, type Tables } from '../../helpers/bifrost-database.ts'
import { POSTGRES_FOLDER, type Postgres, startPostgres } from '../../helpers/postgres.ts'
import { MADE } from './expected.ts'

const PASSWORD = 'CANARY p@ss/word'

describe.skipIf(POSTGRES_FOLDER === undefined)("a database in PostgreSQL (skipped without Debian's postgresql)", () => {
  let server: Postgres
  beforeAll(async () => {
    server = await startPostgres(PASSWORD)
  }, 60_000)
  afterAll(() => server?.stop())

  async function fill(database: string, tables: Tables): Promise<string> {
    const admin = new pg.Client({ connectionString: server.url })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${database}`)
    await admin.end()
    const url = server.url.replace(/\/postgres$/, `/${database}`)
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    for (const { sql, values } of statements(tables, (index) => `$${index}`)) await client.query(sql, values)
    await client.end()
    return url
  }

  const read = async (url: string, passphrase?: string) => {
    const options = { passphrase, keyUrls: { ollama: 'ollama_key_config' }, plugins: new Set(['known']) }
    const { documents } = await readBifrost(await readRows(url), options)
    return Object.fromEntries(documents.map(({ collection, id, body }) => [`${collection}/${id}`, body]))
  }

  test('comes over as the same database in SQLite does', async () => {
    expect(await read(await fill('plain', TABLES))).toEqual(MADE)
  })

  test('sealed, it means the same', async () => {
    expect(await read(await fill('sealed', sealedTables(TABLES, 'a key')), 'a key')).toEqual(MADE)
  })

  test('what is no database of the original, or is not there, is refused without the password', async () => {
    await expect(read(await fill('other', { notes: [{ id: 1 }] }))).rejects.toThrow("this is no database of Bifrost's")
    const failures = [
      server.url.replace(/\/postgres$/, '/none'),
      server.url.replace('CANARY', 'CANARY-wrong'),
      server.url.replace(/:\d+\//, ':1/'),
    ]
    for (const url of failures) {
      const error: Error = await read(url).then(
        () => new Error('did not fail'),
        (reason: Error) => reason,
      )
      expect(error.message).toContain('the PostgreSQL database cannot be read: ')
      expect(`${error.message}${error.stack}${String(error.cause)}`).not.toContain('CANARY')
    }
  })
})

test('the source of a report is named without its password', () => {
  expect(sourceName('postgres://me:CANARY@db.example.com:5432/bifrost?sslmode=require')).toBe('postgres://db.example.com:5432/bifrost')
  expect(sourceName('postgresql://not a url CANARY')).toBe('postgres://')
  expect(sourceName('/data/config.db')).toBe('/data/config.db')
})
