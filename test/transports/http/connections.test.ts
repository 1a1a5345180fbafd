import { expect, onTestFinished, test } from 'vitest'
import { createShared, openShared } from '../../../core/shared.ts'
import { createAcceptor } from '../../../transports/http/acceptor.ts'
import { head, RawClient, serveEdge } from './harness.ts'

/** Two servers as two data threads have them: the counter is the process's. */
async function serveTwo(maxConnections: number) {
  const memory = createShared()
  const gauge = openShared(memory).connections
  const acceptor = await createAcceptor({ hosts: ['127.0.0.1'], port: 0 })
  onTestFinished(() => acceptor.close())
  const servers = await Promise.all([0, 1].map(() => serveEdge({ limits: { maxConnections }, gauge: openShared(memory).connections })))
  for (const { server } of servers) acceptor.add(server.descriptor)
  const handled = () => servers.reduce((sum, each) => sum + each.handled.length, 0)
  return { port: acceptor.port, gauge, handled, servers }
}

const countIs = async (gauge: { count(): number }, wanted: number) => {
  while (gauge.count() !== wanted) await new Promise((resolve) => setImmediate(resolve))
}

test('over the limit a connection gets 503 and is closed; those that are open go on, over all threads', async () => {
  const { port, gauge, handled } = await serveTwo(2)
  const open = [new RawClient({ port }), new RawClient({ port })]
  for (const client of open) await client.write(head('GET /thing')).until('GET ')
  for (let turn = 0; turn < 3; turn++) {
    const received = await new RawClient({ port }).write(head('GET /thing')).closed()
    expect(received).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n[^]*Retry-After: 1\r\n[^]*Connection: close\r\n/)
    expect(JSON.parse(received.slice(received.indexOf('{')))).toMatchObject({ error: { type: 'overloaded', code: 'GW_OVERLOADED' } })
    await countIs(gauge, 2)
  }
  expect(handled()).toBe(2)
  for (const client of open) {
    client.received = ''
    await client.write(head('GET /thing')).until('GET ')
  }
})

test('a place is free again when a connection ends', async () => {
  const { port, gauge } = await serveTwo(1)
  const first = await new RawClient({ port }).write(head('GET /thing'))
  await first.until('GET ')
  first.socket.destroy()
  await countIs(gauge, 0)
  await new RawClient({ port }).write(head('GET /thing')).until('GET ')
})

test('a refused client that asks all the same is not heard', async () => {
  const { port, gauge, handled } = await serveTwo(1)
  await new RawClient({ port }).write(head('GET /thing')).until('GET ')
  const late = new RawClient({ port })
  await late.until('503')
  await late.write(head('GET /thing')).closed()
  await countIs(gauge, 1)
  expect(handled()).toBe(1)
})

test('a server that ends gives its places back', async () => {
  const { port, gauge, servers } = await serveTwo(0)
  const clients = [new RawClient({ port }), new RawClient({ port })]
  for (const client of clients) await client.write(head('GET /thing')).until('GET ')
  await countIs(gauge, 2)
  for (const { server } of servers) server.close()
  await countIs(gauge, 0)
})
