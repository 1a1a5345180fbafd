import { connect, type TLSSocket } from 'node:tls'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Context } from '../../core/context.ts'
import type { Edge } from '../../core/edge.ts'
import { createShared, openShared } from '../../core/shared.ts'
import type { ClientSettings } from '../../core/snapshot.ts'
import { emptyTables } from '../../core/snapshot-tables.ts'
import { createAcceptor } from '../../transports/http/acceptor.ts'
import { openListeners } from '../../transports/listeners.ts'
import { createThreadServer } from '../../transports/thread-server.ts'
import { pem } from '../core/upstream/support.ts'
import { head, LIMITS } from './http/harness.ts'

const material = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) })
const edge: Edge = {
  identify: (incoming) => ({ incoming }) as Context,
  handle: ({ incoming }, _body, reply) => reply.send(200, [], `${incoming.path} ${incoming.scheme}`),
  refuse: (error, reply) => reply.send((error as { status?: number }).status ?? 500, [], 'refused'),
}

afterEach(() => void vi.useRealTimers())

async function serve() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const tables = emptyTables()
  tables.client.set('client', LIMITS as unknown as ClientSettings)
  const shared = openShared(createShared())
  const tls = material('server')
  const server = createThreadServer({ edge, tables, threads: 1, shared, tls, surfaces: ['public', 'admin'] })
  const plans = (['public', 'admin'] as const).map((surface) => ({ surface, hosts: ['127.0.0.1'], port: 0 }))
  const listeners = await openListeners(createAcceptor, plans, tls)
  listeners.add(server.descriptor)
  onTestFinished(() => {
    listeners.close()
    server.close()
  })
  const renew = (name: string) => {
    const before = server.descriptor
    listeners.add(server.renew?.(material(name)))
    listeners.remove(before)
    server.retire?.()
  }
  return { server, listeners, shared, renew }
}

/** A connection that stays, and whose certificate it has. */
async function visit(port: number | undefined) {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port: port ?? 0, rejectUnauthorized: false })
  onTestFinished(() => void socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const ask = (path: string): Promise<string> =>
    new Promise((resolve) => {
      let received = ''
      const read = (chunk: Buffer): void => {
        received += chunk.toString('latin1')
        if (!/\r\n\r\n./.test(received)) return
        socket.off('data', read)
        resolve(received)
      }
      socket.on('data', read)
      socket.write(head(`GET ${path}`))
    })
  return { ask, closed, subject: socket.getPeerCertificate().subject.CN }
}

test('a new certificate is for new connections; old ones are served to their end, and then nothing is left of the old one', async () => {
  const { server, listeners, renew } = await serve()
  const old = await visit(listeners.ports.public)
  expect(await old.ask('/health')).not.toContain('Connection: close')
  renew('wrong-host')
  const fresh = await visit(listeners.ports.public)
  expect([old.subject, fresh.subject]).toEqual(['server', 'wrong-host'])
  expect(server.connections).toBe(2)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(1)
  expect(await old.ask('/health')).toContain('/health https')
  await old.closed
  await vi.waitUntil(() => server.connections === 1)
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(0)
  expect(await fresh.ask('/health')).toContain('/health https')
})

test('each listener has its rows, under the new certificate too, and only the main one counts its connections', async () => {
  const { listeners, shared, renew } = await serve()
  for (const name of ['client', 'server']) {
    renew(name)
    const [main, admin] = await Promise.all([visit(listeners.ports.public), visit(listeners.ports.admin)])
    expect(await admin.ask('/api/version')).toMatch(/^HTTP\/1.1 200 /)
    expect(await main.ask('/api/version')).toMatch(/^HTTP\/1.1 404 /)
    expect(await admin.ask('/v1/models')).toMatch(/^HTTP\/1.1 404 /)
    expect(await main.ask('/v1/models')).toMatch(/^HTTP\/1.1 200 /)
  }
  expect(shared.connections.count()).toBe(2)
})

test('of old certificates sixteen are waited for; what began before is cut', async () => {
  const { listeners, renew } = await serve()
  const [asking, silent] = [await visit(listeners.ports.public), await visit(listeners.ports.public)]
  for (let turn = 0; turn < 16; turn++) renew('server')
  expect(await asking.ask('/health')).toContain('/health https')
  const fresh = await visit(listeners.ports.public)
  renew('server')
  await silent.closed
  expect(await fresh.ask('/health')).toContain('/health https')
})

test('ends with all that it serves', async () => {
  const { server, listeners, renew, shared } = await serve()
  const visits = [await visit(listeners.ports.public)]
  renew('client')
  visits.push(await visit(listeners.ports.public))
  server.close()
  await Promise.all(visits.map(({ closed }) => closed))
  expect(shared.connections.count()).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})
