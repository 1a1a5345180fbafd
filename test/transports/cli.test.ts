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

  it.each([[['--bogus']], [['toString']], [['serve', '--bogus']], [['config', 'check']], [['config', 'write', 'x']]])(
    '%j: a sentence and 2',
    async (args) => {
      const { code, err } = await run(...args)
      expect(code).toBe(2)
      expect(err).toMatch(/^bifrost: .+\n$/)
    },
  )

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
})
