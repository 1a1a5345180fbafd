import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../transports/cli.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bifrost-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await runCli(args, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err }
}

describe('the bifrost command', () => {
  it('has help and a version', async () => {
    expect((await run('--help')).out).toContain('bifrost serve')
    expect((await run('serve', '--help')).out).toContain('--app-dir')
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.each([
    [['--bogus']],
    [['toString']],
    [['serve', '--bogus']],
    [['config', 'check']],
    [['config', 'write', 'x']],
    [['config', 'diff', 'x']],
    [['config', 'schema', 'x']],
    [['config', 'check', '--strict', 'x']],
  ])('%j: a sentence and 2', async (args) => {
    const { code, err } = await run(...args)
    expect(code).toBe(2)
    expect(err).toMatch(/^bifrost: .+\n$/)
  })

  it('checks a configuration and lists everything that is wrong', async () => {
    const good = join(folder, 'good.json')
    const bad = join(folder, 'bad.json')
    await writeFile(good, '{}')
    await writeFile(bad, '{"clint":{},"providers":{"nobody":{}}}')
    expect(await run('config', 'check', good)).toMatchObject({ code: 0, out: expect.stringContaining('is good') })
    const { code, err } = await run('config', 'check', bad)
    expect(code).toBe(1)
    expect(err).toContain('clint')
    expect(err).toContain('nobody')
    expect((await run('config', 'check', join(folder, 'none.json'))).code).toBe(1)
  })

  it('says what a configuration lacks for production, and exits by it', async () => {
    const file = join(folder, 'production.json')
    const client = { allowed_origins: ['https://app.example.com'], allowed_headers: ['Authorization'] }
    await writeFile(file, JSON.stringify({ client: { ...client, header_filter_config: { allowlist: ['x-trace-id'] } } }))
    const { code, out } = await run('config', 'check', file, '--production')
    expect(out).toContain('3. met      origins are listed')
    expect(out).toContain('4. met      headers are listed')
    expect(out).toContain('2. not met  no anonymous inference: set client.enforce_auth_on_inference: true')
    expect(code).toBe(1)
    expect((await run('config', 'check', file)).code).toBe(0)
  })

  it('prints the schema', async () => {
    const { code, out } = await run('config', 'schema')
    expect(code).toBe(0)
    expect(Object.keys((JSON.parse(out) as { properties: object }).properties)).toContain('governance')
  })

  it('compares by meaning: 0 the same, 1 not, 2 cannot be read', async () => {
    const [before, same, after] = ['before.json', 'same.json', 'after.json'].map((name) => join(folder, name)) as [string, string, string]
    const key = { id: 'k', value: 'sk-secret-0123456789', models: ['a', 'b'] }
    await writeFile(before, JSON.stringify({ providers: { openai: { keys: [key] } } }))
    await writeFile(same, JSON.stringify({ version: 2, client: {}, providers: { openai: { keys: [{ ...key, models: ['b', 'a'] }] } } }))
    await writeFile(after, JSON.stringify({ providers: { openai: { keys: [{ ...key, value: 'sk-secret-9876543210', models: ['*'] }] } } }))
    expect(await run('config', 'diff', before, same)).toEqual({ code: 0, out: 'the same by meaning\n', err: '' })
    expect(await run('config', 'diff', before, after)).toEqual({
      code: 1,
      out: '~ keys k\n    value: changed (not shown)\n    models: ["a","b"] -> ["*"]\n',
      err: '',
    })
    expect((await run('config', 'diff', before, join(folder, 'none.json'))).code).toBe(2)
  })
})
