import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive, type LaunchedGateway, launchGateway, watch } from '../helpers/gateway-process.ts'
import { head, RawClient } from './http/harness.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const NO_KEYS = { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', GEMINI_API_KEY: '', MISTRAL_API_KEY: '' }

describe('a gateway with nothing configured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-main-'))
  let gateway: LaunchedGateway
  beforeAll(async () => {
    gateway = await launchGateway({ main: file('../../transports/main.ts'), args: ['--app-dir', folder], env: NO_KEYS })
  })
  afterAll(() => {
    gateway.launcher.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('says what to set', () => {
    expect(gateway.output()).toMatch(/Set OPENAI_API_KEY, ANTHROPIC_API_KEY/)
  })

  it('answers its own health and version, with the duration of each phase', async () => {
    const health = await fetch(`${gateway.url}/health`)
    expect(health.status).toBe(200)
    expect(await health.json()).toEqual({ status: 'ok', components: { db_pings: 'ok' } })
    const version = (await (await fetch(`${gateway.url}/api/version`)).json()) as { start_ms: object }
    expect(Object.keys(version.start_ms)).toEqual(['boot', 'total', 'configuration', 'threads', 'listening'])
  })

  it.each([
    '/api/version/',
    '/api/version%3f',
    '/api/version%00',
    '/api//version',
    '/api/x/../version',
    '/api/version;x',
    '/api/VERSION',
    '/api/',
  ])('has no route %j: below /api too a path is compared byte for byte', async (path) => {
    const client = new RawClient({ port: Number(new URL(gateway.url).port) })
    expect(await client.write(head(`GET ${path}`, 'Connection: close')).until('\r\n\r\n')).toMatch(/^HTTP\/1.1 404 /)
  })

  it('answers the curl of its start-up text', async () => {
    const [, url, body] = /curl (\S+) .* -d '(.*)'/.exec(gateway.output()) ?? []
    const answer = await fetch(String(url), { method: 'POST', headers: { 'content-type': 'application/json' }, body: String(body) })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Hello')
  })

  it('keeps its port: a second gateway says so and ends', async () => {
    const second = watch(
      spawn(process.execPath, [file('../../transports/launcher.ts'), '--app-dir', folder, '--port', new URL(gateway.url).port]),
    )
    expect(await second.exited).toBe(78)
    expect(second.output()).toMatch(/port \d+ .* is in use/)
    expect(second.output()).not.toContain('starting it again')
  })

  it('ends with 0 on SIGTERM and leaves no process behind', async () => {
    gateway.launcher.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(isAlive(gateway.pid)).toBe(false)
  })
})
