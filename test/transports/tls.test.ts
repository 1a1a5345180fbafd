import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { launchGateway } from '../helpers/gateway-process.ts'
import { type RealGateway, realGateway } from '../helpers/real-gateway.ts'

const pem = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

let gateway: RealGateway | undefined
afterEach(async () => {
  await gateway?.destroy()
  gateway = undefined
})

function certificateFolder(): { folder: string; tls: { cert: string; key: string } } {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-cert-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const tls = { cert: join(folder, 'tls.pem'), key: join(folder, 'tls.key') }
  install(tls, 'server')
  return { folder, tls }
}

/** As deployments do it: each file is replaced at once by another. */
function install(tls: { cert: string; key: string }, name: string): void {
  for (const [file, from] of [
    [tls.key, `${name}.key`],
    [tls.cert, `${name}.pem`],
  ] as const) {
    copyFileSync(pem(from), `${file}.new`)
    renameSync(`${file}.new`, file)
  }
}

interface Asked {
  status: number
  body: string
  subject: string
}

/** One request on a connection of its own, and who answered it. */
function ask(path: string, servername?: string): Promise<Asked> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked>()
  const url = new URL(path, gateway!.url)
  const request = httpsRequest(url, { agent: false, rejectUnauthorized: false, ...(servername ? { servername } : {}) }, (response) => {
    const subject = String((response.socket as import('node:tls').TLSSocket).getPeerCertificate().subject?.CN)
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body, subject }), reject)
  })
  request.on('error', reject).end()
  return promise
}

const BODY = JSON.stringify({ model: 'demo/hello', messages: [{ role: 'user', content: 'hi' }] })

/** A request whose body is not complete yet, on a connection of its own. */
async function openUpload() {
  const answer = Promise.withResolvers<number>()
  const request = httpsRequest(
    new URL('/v1/chat/completions', gateway!.url),
    { method: 'POST', agent: false, rejectUnauthorized: false, headers: { 'content-length': BODY.length } },
    (response) => void text(response).then(() => answer.resolve(response.statusCode ?? 0), answer.reject),
  )
  request.on('error', answer.reject)
  const [socket] = await Promise.all([
    new Promise<import('node:tls').TLSSocket>((resolve) => request.on('socket', (one) => resolve(one as import('node:tls').TLSSocket))),
    new Promise<void>((resolve) => request.write(BODY.slice(0, 10), () => resolve())),
  ])
  if (!socket.authorized && socket.getPeerCertificate().subject === undefined)
    await new Promise((resolve) => socket.once('secureConnect', resolve))
  return { finish: () => void request.end(BODY.slice(10)), answer: answer.promise }
}

describe('client.tls', () => {
  test('every data thread speaks TLS, the start-up text says so, and nothing answers without', async () => {
    const { tls } = certificateFolder()
    gateway = await realGateway({ config: { client: { tls, admin_port: 0 } }, args: ['--threads', '2'] })
    expect(gateway.url).toMatch(/^https:/)
    for (let turn = 0; turn < 4; turn++) expect(await ask('/health', 'localhost')).toMatchObject({ status: 200, subject: 'server' })
    const [, admin] = await gateway.waitFor(/admin on (https:\S+)/)
    expect(await ask(`${admin}/api/version`)).toMatchObject({ status: 200, subject: 'server' })
    await expect(fetch(gateway.url.replace('https:', 'http:'))).rejects.toThrow()
  })

  test('certificate and key may be PEM texts, from the environment', async () => {
    const { readFileSync } = await import('node:fs')
    const env = { TEST_CERT: readFileSync(pem('server.pem'), 'utf8'), TEST_KEY: readFileSync(pem('server.key'), 'utf8') }
    gateway = await realGateway({ config: { client: { tls: { cert: 'env.TEST_CERT', key: 'env.TEST_KEY' } } }, env })
    expect(await ask('/health')).toMatchObject({ status: 200, subject: 'server' })
  })

  test('changed files are served from the next connection on; what is open goes on, and a broken pair changes nothing', async () => {
    const { tls } = certificateFolder()
    gateway = await realGateway({ config: { client: { tls } }, args: ['--threads', '2'] })
    const upload = await openUpload()
    writeFileSync(tls.cert, 'not a certificate')
    await gateway.waitFor(/the new certificate cannot be used; the old one is served on/)
    expect(await ask('/health')).toMatchObject({ status: 200, subject: 'server' })
    install(tls, 'wrong-host')
    await gateway.waitFor(/a new certificate is served/)
    for (let turn = 0; turn < 4; turn++) expect(await ask('/health', 'localhost')).toMatchObject({ status: 200, subject: 'wrong-host' })
    upload.finish()
    expect(await upload.answer).toBe(200)
    gateway.launcher.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })

  test.each([
    [
      'a file that is not there',
      { cert: '/nowhere/tls.pem', key: pem('server.key') },
      'client.tls.cert: /nowhere/tls.pem cannot be read (ENOENT)',
    ],
    ['no certificate', { cert: pem('server.key'), key: pem('server.key') }, 'client.tls.cert: is not a certificate in PEM form'],
    ['no key', { cert: pem('server.pem'), key: pem('server.pem') }, 'client.tls.key: is not a private key in PEM form, or is encrypted'],
    ['the key of another', { cert: pem('server.pem'), key: pem('client.key') }, 'client.tls.key: is not the key of client.tls.cert'],
  ])('%s is a problem of the start', async (_name, tls, problem) => {
    const folder = mkdtempSync(join(tmpdir(), 'bifrost-cert-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ client: { tls } }))
    const main = fileURLToPath(new URL('../../transports/main.ts', import.meta.url))
    const failure = await launchGateway({ main, args: ['--app-dir', folder] }).then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(failure).toContain(problem)
  })
})
