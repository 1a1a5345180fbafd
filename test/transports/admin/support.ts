import { request } from 'node:http'
import { afterAll, beforeAll } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { TestManagement } from '../../../transports/testing.ts'
import { createGateway, type TestGateway, type TestGatewayOptions } from '../../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'

/** An answer of the API, read. */
export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any
  text: string
  headers: Headers
}

/** A managed gateway before a fake provider. */
export interface Managed {
  gateway: TestGateway
  upstream: FakeUpstream
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

export type ManagedOptions = Omit<TestGatewayOptions, 'management' | 'upstream'> & { management?: TestManagement; upstream?: FakeUpstream }

/** Starts a managed gateway; the caller closes it. */
export async function startManaged(options: ManagedOptions & { upstream: FakeUpstream }): Promise<Managed> {
  const { upstream, management = {}, ...others } = options
  const gateway = await createGateway({ ...others, management })
  return { gateway, upstream, call: (...args) => call(gateway.url, ...args) }
}

/** One for all tests of a file. `config` may use the provider's address. */
export function manageOne(config: (url: string) => JsonObject, options: Omit<ManagedOptions, 'config' | 'upstream'> = {}): Managed {
  const managed = {} as Managed
  beforeAll(async () => {
    const upstream = await startUpstream()
    Object.assign(managed, await startManaged({ ...options, upstream, config: config(upstream.url) }))
  })
  afterAll(async () => {
    await managed.gateway?.close()
    await managed.upstream?.close()
  })
  return managed
}

/** Asks and reads the answer: JSON where it is. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const answer = await fetch(url + path, { method, headers: { 'content-type': 'application/json', ...headers }, ...sent })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, body: parsed(text) }
}

/** Asks for a path exactly as it is written: `fetch` would tidy it up. */
export function rawPath(url: string, path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A provider at the fake upstream with one key. */
export function providerAt(url: string, ...keys: JsonObject[]): JsonObject {
  return {
    network_config: { base_url: url },
    keys: keys.length > 0 ? keys : [{ id: 'key-1', name: 'one', value: 'sk-one', models: ['*'] }],
  }
}

/** A request for an answer, by any operation that takes messages. */
export const CHAT = { model: 'openai/text', messages: [{ role: 'user', content: 'hi' }] }
