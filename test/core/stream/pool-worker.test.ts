import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { PoolOrder, PoolReport, PoolTask } from '../../../core/stream/pool-task.ts'
import runStream from '../../../core/threads/pool.ts'
import { format as anthropic } from '../../../providers/formats/anthropic-messages/index.ts'
import { format as openaiChat } from '../../../providers/formats/openai-chat/index.ts'
import { turn, until } from '../../helpers/clock.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

/** A task as the pool sends it, and the data thread's end of its port. */
function taskFor(model: string): { task: PoolTask; port: MessagePort } {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const body = { model, stream: true, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }
  const task: PoolTask = {
    port: port2,
    target: {
      provider: 'anthropic',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: upstream.port,
      host: '127.0.0.1',
      prefix: '',
      proxy: undefined,
      insecureSkipVerify: false,
      connectTimeoutMs: 10_000,
      maxConnections: 100,
    },
    request: {
      method: 'POST',
      path: '/v1/messages',
      headers: [
        ['content-type', 'application/json'],
        ['x-api-key', 'sk-a'],
        ['anthropic-version', '2023-06-01'],
      ],
      body: [Buffer.from(JSON.stringify(body))],
      maxResponseBytes: 1_000_000,
    },
    source: { module: anthropic.module },
    client: { module: openaiChat.module },
    stages: [],
    reply: { id: 'x', created: 1, model },
    carry: undefined,
    extra: undefined,
    errors: { detail: {}, secrets: [], sendsRawResponse: false },
    extraOnAll: false,
    sendsRaw: false,
  }
  return { task, port: port1 }
}

test('a stream is only so far ahead of a data thread that does not read, and goes on as it does', async () => {
  const { task, port } = taskFor('flood-48')
  const { length } = upstream.requests
  const ended = runStream(task)
  const request = await upstream.request(length)
  const socket = upstream.sockets.find(({ id }) => id === request.socketId)
  await until(() => (socket?.bytesWritten ?? 0) > 1024 * 1024)
  let before = -1
  for (let same = 0; same < 1_000; same = socket?.bytesWritten === before ? same + 1 : 0) {
    before = socket?.bytesWritten ?? 0
    await turn()
  }
  expect(before).toBeLessThan(24 * 1024 * 1024)
  const order = (message: PoolOrder): void => port.postMessage(message)
  let size = 0
  const reports: string[] = []
  port.on('message', (report: PoolReport) => {
    if (report.type !== 'batch') return reports.push(report.type)
    size += report.text.length
    order({ type: 'taken', size: report.text.length })
  })
  // It closes after its last message.
  await Promise.all([ended, once(port, 'close')])
  expect(size).toBeGreaterThan(48 * 64 * 16_000)
  expect(reports).toEqual(['head', 'commit', 'usage', 'finish', 'end'])
})

test('what was given up before it began asks no provider', async () => {
  const { task, port } = taskFor('text')
  const { length } = upstream.requests
  port.postMessage({ type: 'abort' } satisfies PoolOrder)
  port.close()
  await runStream(task)
  expect(upstream.requests).toHaveLength(length)
})
