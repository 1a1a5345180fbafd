import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findNginx } from '../../bench/nginx.ts'
import { freePort } from '../../bench/target.ts'
import type { Reply } from '../../core/edge.ts'
import { type HarnessOptions, serveEdge, signal } from './http/harness.ts'

const README = new URL('../../README.md', import.meta.url)
const nginxPath = findNginx()

/** What README says of nginx, as it stands there, before an edge on another port; without TLS, which has no certificate here. */
async function behindNginx(options: HarnessOptions) {
  const { port: behind, handled } = await serveEdge(options)
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-nginx-'))
  const [, block = ''] = /```nginx\n([^]*?)```/.exec(readFileSync(README, 'utf8')) ?? []
  const http = block.replace('127.0.0.1:8080', `127.0.0.1:${behind}`).replace('listen 443 ssl', `listen 127.0.0.1:${port}`)
  expect(http).toContain(`${behind};`)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, `daemon off; pid ${folder}/pid; events {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${http}}\n`)
  const nginx = spawn(nginxPath ?? 'nginx', ['-c', file, '-e', join(folder, 'error.log'), '-p', folder])
  const ended = new Promise<void>((resolve) => nginx.once('close', () => resolve()))
  onTestFinished(async () => {
    nginx.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  while ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)) === undefined && nginx.exitCode === null)
    await new Promise((resolve) => setImmediate(resolve))
  handled.length = 0
  return { url: `http://127.0.0.1:${port}`, handled }
}

describe.skipIf(nginxPath === undefined)('behind nginx as README has it (skipped without nginx)', () => {
  test('the client is known by its address and scheme, and its own word about that is not believed', async () => {
    const { url, handled } = await behindNginx({
      limits: { trustedProxies: ['127.0.0.1'] },
      handle: ({ incoming, reply }) => reply.send(200, [], JSON.stringify([incoming.clientAddress, incoming.scheme])),
    })
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' }
      request(`${url}/thing`, { localAddress: '127.0.0.7', headers }, (response) => text(response).then(resolve, reject))
        .on('error', reject)
        .end()
    })
    expect(JSON.parse(answer)).toEqual(['127.0.0.7', 'http'])
    expect(handled[0]!.incoming.headers.get('connection')).toBeUndefined()
  })

  test('a stream arrives piece by piece', async () => {
    const started = signal<Reply>()
    const { url } = await behindNginx({
      handle({ reply }) {
        reply.start(200, [['content-type', 'text/event-stream']])
        reply.write('data: 1\n\n')
        started.resolve(reply)
      },
    })
    const answer = await fetch(`${url}/thing`)
    const reader = answer.body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: 1\n\n')
    const reply = await started.promise
    reply.write('data: 2\n\n')
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: 2\n\n')
    reply.end()
    expect((await reader.read()).done).toBe(true)
  })

  test('connections to the gateway are used again', async () => {
    const counts: number[] = []
    const { url } = await behindNginx({ onConnectionCount: (count) => counts.push(count) })
    for (let turn = 0; turn < 10; turn++) expect(await (await fetch(`${url}/thing`)).text()).toBe('GET ')
    expect(Math.max(...counts)).toBe(1)
  })
})
