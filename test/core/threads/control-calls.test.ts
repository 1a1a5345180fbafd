import { describe, expect, it } from 'vitest'
import { createControlCalls } from '../../../core/threads/control-calls.ts'
import type { ControlRequest } from '../../../core/threads/messages.ts'

const request = {
  route: 'health',
  method: 'GET',
  path: '/health',
  query: '',
  headers: [],
  body: null,
  clientAddress: '',
  scheme: 'http' as const,
}

describe('requests to the main thread', () => {
  it('get the answer that belongs to them, in any order', async () => {
    const sent: ControlRequest[] = []
    const calls = createControlCalls((asked) => sent.push(asked))
    const answers = [calls.ask(request), calls.ask(request)]
    for (const { id } of sent.toReversed()) calls.settle({ id, status: 200, headers: [], body: `answer ${id}` })
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(sent.map(({ id }) => `answer ${id}`))
  })

  it('are 503 when too many wait, and when the thread ends', async () => {
    const calls = createControlCalls(() => {})
    const waiting = Array.from({ length: 256 }, () => calls.ask(request))
    expect((await calls.ask(request)).status).toBe(503)
    calls.close()
    expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([503]))
  })

  it('are 503 when the main thread does not answer, whose late answer is then ignored', async () => {
    const calls = createControlCalls(() => {}, 1)
    const answer = await calls.ask(request)
    expect(answer.status).toBe(503)
    calls.settle({ id: answer.id, status: 200, headers: [], body: '' })
  })
})
