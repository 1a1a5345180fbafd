import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../bench/target.ts'

/** A PostgreSQL server of the test's own. */
export interface Postgres {
  /** Of its superuser. */
  url: string
  port: number
  stop(): Promise<void>
}

/** Folder of the server's programs, as Debian's package has it; undefined: there is none, and tests that need one skip. */
export const POSTGRES_FOLDER = ['/usr/lib/postgresql', '/usr/local/lib/postgresql']
  .flatMap((root) => (existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : []))
  .find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))

/** Starts a server with an empty database; resolves once it takes connections. `password` is that of its only user. */
export async function startPostgres(password: string): Promise<Postgres> {
  const home = mkdtempSync(join(tmpdir(), 'bifrost-postgres-'))
  const [data, secret] = [join(home, 'data'), join(home, 'password')]
  writeFileSync(secret, password)
  const user = serverUser()
  if (user) for (const path of [home, secret]) chownSync(path, user.uid, user.gid)
  const options = { ...user, cwd: home, env: { PATH: process.env.PATH, LC_ALL: 'C', HOME: home } }
  const program = (name: string) => join(POSTGRES_FOLDER ?? '', name)
  execFileSync(program('initdb'), ['-D', data, '-U', 'tester', '--auth=scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--no-sync'], {
    ...options,
    stdio: 'ignore',
  })
  const port = await freePort()
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
  const server = spawn(program('postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await ready(server)
  return {
    url: `postgres://tester:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    port,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** The server refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr?.on('data', (text: Buffer) => {
      said += String(text)
      if (said.includes('ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(said)))
  })
}
