import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Route } from '../../../core/edge.ts'
import { ROUTES } from '../../../transports/routes.ts'
import { createGateway, type TestGateway } from '../../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../../helpers/upstream.ts'
import { head, RawClient, serveEdge } from './harness.ts'

/**
 * What a row decides (credential, listener, dialect) is decided by the row that the router chose, and the router compares bytes: nothing
 * is decoded, folded or normalised, so no spelling of a path reaches a row that another spelling is judged by (faults.md, API6 and API9).
 */
const OTHER_SPELLINGS = [
  '/v1//models',
  '//v1/models',
  '/v1/models/',
  '/v1/./models',
  '/v1/x/../models',
  '/V1/models',
  '/v1/Models',
  '/v1%2fmodels',
  '/v1/%6dodels',
  '/%76%31/models',
  '/v1%252fmodels',
  '/v1/models;x',
  '/v1/models.',
  '/v1/models%00',
  '/v1/models%20',
  '/v1\\models',
  '/v1/ｍodels',
  '/v1/../api/version',
  '/v1/..%2fapi/version',
  '/v1/%2e%2e/api/version',
  '/health/../api/version',
  '/health;/../api/version',
  '/health%2f..%2fapi/version',
  '//api/version',
  '/API/version',
  '/%',
]

/** Below `/api` one row takes everything: the management API's own router compares what is left, byte for byte too (main.test.ts). */
const BELOW_API = ['/api/version/', '/api/version%3f', '/api/version#x', '/api//version', '/api/x/../version', '/api/version;x']

const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

describe('a path', () => {
  test.each(OTHER_SPELLINGS)('%j is no route', async (path) => {
    const { port, handled } = await serveEdge({ routes: ROUTES })
    for (const method of ['GET', 'POST', 'HEAD']) {
      const received = await new RawClient({ port }).write(head(`${method} ${bytes(path)}`, 'Connection: close')).until('\r\n\r\n')
      expect(received, method).toMatch(/^HTTP\/1.1 404 /)
    }
    expect(handled).toEqual([])
  })

  test.each(BELOW_API)('%j reaches the row of the whole management API, as it was sent', async (path) => {
    const { port, handled } = await serveEdge({ routes: ROUTES })
    await new RawClient({ port }).write(head(`GET ${path}`, 'Connection: close')).until('\r\n\r\n')
    expect(handled.map(({ incoming }) => [incoming.route.path, incoming.path])).toEqual([['/api/*', path]])
  })

  test.each(['http://gateway/api/version', 'http://other/v1/models', '*', 'gateway:443'])(
    'the target %j is refused by the library',
    async (target) => {
      const { port, handled, refused } = await serveEdge({ routes: ROUTES })
      expect(await new RawClient({ port }).write(head(`GET ${target}`)).closed()).toMatch(/^$|^HTTP\/1.1 505 /)
      expect([...handled, ...refused]).toEqual([])
    },
  )

  test('a query is never part of it', async () => {
    const { port, handled } = await serveEdge({ routes: ROUTES })
    await new RawClient({ port }).write(head('GET /health?/api/version')).until('GET ')
    expect(handled.map(({ incoming }) => [incoming.route.path, incoming.path])).toEqual([['/health', '/health']])
  })

  test('no mutation of a path matches a row other than byte for byte', async () => {
    const { port, handled } = await serveEdge({ routes: ROUTES })
    const piece = fc.constantFrom(
      '/',
      '//',
      '.',
      '..',
      '/../',
      '/./',
      '%2f',
      '%2F',
      '%2e',
      '%00',
      ';',
      '\\',
      '%5c',
      '*',
      ':id',
      'A',
      '?',
      '~',
      '\xe9',
    )
    const path = fc.constantFrom(...ROUTES.map((route) => route.path))
    const mutation = fc
      .tuple(path, fc.array(fc.tuple(fc.nat(60), piece), { minLength: 1, maxLength: 3 }))
      .map(([text, edits]) =>
        edits.reduce((current, [at, extra]) => current.slice(0, Math.min(at, current.length)) + extra + current.slice(at), text),
      )
    const property = fc.asyncProperty(mutation, fc.constantFrom('GET', 'POST'), async (mutated, method) => {
      const before = handled.length
      const target = mutated.startsWith('/') ? mutated : `/${mutated}`
      await new RawClient({ port }).write(head(`${method} ${target}`, 'Connection: close')).closed()
      for (const { incoming } of handled.slice(before))
        expect(fits(incoming.path, incoming.route), `${target} on ${incoming.route.path}`).toBe(true)
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

/** Whether the bytes of a path are those of a row; `:name` is one part that is not empty, `*` whatever follows. */
function fits(path: string, route: Route): boolean {
  const source = route.path.split(/(:\w+|\*$)/).map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, 's').test(path)
}

describe('a path that names the model', () => {
  let upstream: FakeUpstream
  let gateway: TestGateway
  beforeAll(async () => {
    upstream = await startUpstream()
    const block = { keys: [{ name: 'k', value: 'sk-provider', models: ['*'] }], network_config: { base_url: upstream.url } }
    gateway = await createGateway({ config: { providers: { gemini: block } } })
  })
  afterAll(async () => {
    await gateway.close()
    await upstream.close()
  })

  test.each([
    '/genai/v1beta/../../api/version',
    '/genai/v1beta/models',
    '/genai/v1beta//models/text:generateContent',
    '/genai/v1beta/models/text:generateContent/',
    '/genai/v1beta/models/../text:generateContent',
    '/genai/v1beta/./models/text:generateContent',
    '/genai/v1beta1/projects/../locations/l/publishers/google/models/text:generateContent',
    '/genai/v1beta1/projects/p/locations/../publishers/google/models/text:generateContent',
    '/genai/v1beta1/publishers/../models/text:generateContent',
    '/genai/v1beta1/publishers/google/models/../text:generateContent',
    '/openai/deployments/../../api/version',
    '/openai/deployments/text/../chat/completions',
    '/openai/deployments//chat/completions',
    '/openai/deployments/text/chat/completions/',
    '/bedrock/model//converse',
  ])('%s reaches neither another route nor a provider', async (path) => {
    const before = upstream.requests.length
    const body = '{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"messages":[{"role":"user","content":"hi"}]}'
    const client = new RawClient({ port: gateway.port }).write(head(`POST ${path}`, `Content-Length: ${body.length}`, 'Connection: close'))
    expect(await client.write(body).until('\r\n\r\n')).toMatch(/^HTTP\/1.1 40[04] /)
    expect(upstream.requests.length).toBe(before)
  })

  test.each(['..%2f..%2fadmin', '%2e%2e', '..', 'text%3fx=1', 'text%23', '%2fadmin', 'Models/text', 'a%00b', '%0d%0aX-Injected:1'])(
    'the model %s stays one part of the path of the provider',
    async (model) => {
      const before = upstream.requests.length
      const body = '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
      const request = head(`POST /genai/v1beta/models/${model}:generateContent`, `Content-Length: ${body.length}`, 'Connection: close')
      await new RawClient({ port: gateway.port }).write(request).write(body).closed()
      for (const { path, headText } of upstream.requests.slice(before)) {
        expect(path).toMatch(/^\/v1beta\/models\/[^/?#\s]+:generateContent$/)
        expect(headText).not.toMatch(/^x-injected/im)
      }
    },
  )
})
