import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createNetServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Acceptor, type AcceptorOptions, createAcceptor } from '../../../transports/http/acceptor.ts'
import { head, RawClient, serveEdge } from './harness.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === '::1'))

async function accept(options: Partial<AcceptorOptions> = {}): Promise<Acceptor> {
  const acceptor = await createAcceptor({ hosts: ['127.0.0.1'], port: 0, ...options })
  onTestFinished(() => acceptor.close())
  return acceptor
}

const askOnce = (target: ConstructorParameters<typeof RawClient>[0]): Promise<string> =>
  new RawClient(target).write(head('GET /thing', 'Connection: close')).until(/\r\n\r\n./)

test('hands connections to its children in turn, and to none that was removed', async () => {
  const acceptor = await accept()
  const children = await Promise.all(['one', 'two'].map((name) => serveEdge({ handle: ({ reply }) => reply.send(200, [], name) })))
  for (const child of children) acceptor.add(child.server.descriptor)
  const names = []
  for (let turn = 0; turn < 4; turn++) names.push((await askOnce({ port: acceptor.port })).slice(-3))
  expect(names.toSorted()).toEqual(['one', 'one', 'two', 'two'])
  expect(names[0]).not.toBe(names[1])
  acceptor.remove(children[0]!.server.descriptor)
  for (let turn = 0; turn < 3; turn++) expect(await askOnce({ port: acceptor.port })).toContain('two')
})

test('a connection that was handed over outlives the acceptor', async () => {
  const acceptor = await createAcceptor({ hosts: ['127.0.0.1'], port: 0 })
  const { server } = await serveEdge()
  acceptor.add(server.descriptor)
  const client = new RawClient({ port: acceptor.port }).write(head('GET /thing'))
  await client.until('GET ')
  acceptor.close()
  client.received = ''
  await client.write(head('GET /thing')).until('GET ')
})

test('without a child it says so', async () => {
  const { port } = await accept()
  const received = await new RawClient({ port }).write(head('GET /thing')).closed()
  expect(received).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/)
  expect(JSON.parse(received.slice(received.indexOf('{')))).toMatchObject({ error: { type: 'overloaded' } })
})

test.runIf(hasIpv6)('localhost is both loopback families on one port', async () => {
  const acceptor = await accept({ hosts: ['localhost'] })
  const { server } = await serveEdge()
  acceptor.add(server.descriptor)
  for (const host of ['127.0.0.1', '::1']) expect(await askOnce({ port: acceptor.port, host })).toContain('200 OK')
})

test('a port in use is a sentence that names it', async () => {
  const { port } = await accept()
  await expect(createAcceptor({ hosts: ['127.0.0.1'], port })).rejects.toThrow(
    `port ${port} on 127.0.0.1 is in use: stop the program that listens there, or choose another port with --port`,
  )
})

test('so is one that a program of another kind has', async () => {
  const other = createNetServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    other.close()
  })
  const { port } = other.address() as { port: number }
  await expect(createAcceptor({ hosts: ['localhost'], port })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`)
})

test('an address that is not of this machine is a sentence', async () => {
  await expect(createAcceptor({ hosts: ['192.0.2.1'], port: 0 })).rejects.toThrow('192.0.2.1 is not an address of this machine')
})

test('listens on a unix socket, refuses one in use, and takes over one that was left behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acceptor-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'gateway.sock')
  const { server } = await serveEdge()
  const first = await createAcceptor({ hosts: [`unix:${path}`], port: 0 })
  first.add(server.descriptor)
  expect(await askOnce({ path })).toContain('200 OK')
  await expect(createAcceptor({ hosts: [`unix:${path}`], port: 0 })).rejects.toThrow(`the socket ${path} is in use`)
  first.close()
  const second = await accept({ hosts: [`unix:${path}`] })
  second.add(server.descriptor)
  expect(await askOnce({ path })).toContain('200 OK')
})
