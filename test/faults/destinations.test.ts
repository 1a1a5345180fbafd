import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createGateway } from '../../transports/testing.ts'
import { PROVIDERS } from '../matrix/cases.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

let places: MatrixGateway
let trap: string
let visits = 0
const server = createServer((_, response) => {
  visits++
  response.end('{}')
})
server.on('connection', () => visits++)

beforeAll(async () => {
  places = await startMatrixGateway()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  trap = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await places.close()
})

const ask = (body: object, headers: Record<string, string> = {}) => places.gateway.fetch('/v1/chat/completions', body, headers)
const withPart = (model: string, part: object) => ({ model, messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, part] }] })

/** A request says what to ask; where is the configuration's alone (faults.md 3.3, CVE-2024-6587). */
describe('what a request brings', () => {
  test.each(PROVIDERS)('%s: an image, a file and a sound by URL are never fetched by the gateway', async (provider) => {
    const url = `${trap}/picture.png`
    const parts = [
      { type: 'image_url', image_url: { url } },
      { type: 'file', file: { file_data: url, filename: 'a.pdf' } },
      { type: 'file', file: { file_id: url } },
      { type: 'input_audio', input_audio: { data: url, format: 'wav' } },
    ]
    for (const part of parts) expect((await ask(withPart(`${provider}/text`, part))).status).toBeOneOf([200, 400])
    expect(visits).toBe(0)
  })

  test('a destination in the body or in a header changes nothing', async () => {
    const body = { base_url: trap, api_base: trap, endpoint: trap, proxy: trap, extra_body: { base_url: trap } }
    const before = places.upstream.requests.length
    const headers = {
      'x-bf-azure-endpoint': trap,
      'x-bf-base-url': trap,
      'x-bf-eh-host': new URL(trap).host,
      'x-forwarded-host': new URL(trap).host,
      forwarded: `host=${new URL(trap).host}`,
    }
    expect((await ask({ model: 'openai/text', messages: [{ role: 'user', content: 'hi' }], ...body }, headers)).status).toBe(200)
    expect(visits).toBe(0)
    const asked = places.upstream.requests.slice(before)
    expect(asked).toHaveLength(1)
    const { headText } = asked[0]!
    expect(headText.match(/^host: .*$/gim)).toEqual([`host: ${new URL(places.upstream.url).host}`])
    expect(headText).not.toContain(new URL(trap).host)
  })

  test.each([
    '../../admin',
    '..',
    '.',
    'a/../b',
    '..%2f..%2fadmin',
    'text/../../admin',
    'text?x=1#',
    '//127.0.0.1/x',
    'a b',
    '\\\\host\\x',
  ])('the model %j leads to no other path of the provider', async (model) => {
    const before = places.upstream.requests.length
    for (const provider of [...PROVIDERS, 'replicate'])
      await ask({ model: `${provider}/${model}`, messages: [{ role: 'user', content: 'hi' }] })
    const shapes = [
      /^\/v1\/chat\/completions$/,
      /^\/v1\/messages$/,
      /^\/v1beta\/models\/[^/?#]+:(generateContent|streamGenerateContent\?alt=sse)$/,
      /^\/model\/(?!\.{1,2}\/)[^/?#]+\/converse(-stream)?$/,
      /^\/v2\/chat$/,
      /^\/v1\/models\/(?!\.{1,2}\/)[^/?#]+\/(?!\.{1,2}\/)[^/?#]+\/predictions$/,
    ]
    const asked = places.upstream.requests.slice(before)
    expect(asked.length).toBeGreaterThanOrEqual(3)
    for (const { path } of asked)
      expect(
        shapes.some((shape) => shape.test(path)),
        path,
      ).toBe(true)
  })

  test.each(['..', '../..', 'a/../../b', 'owner/..', './name'])('nor does %j where the path holds the name in parts', async (model) => {
    const block = { keys: [{ name: 'r', value: 'r8', models: ['*'] }], network_config: { base_url: places.upstream.url } }
    const gateway = await createGateway({ config: { providers: { replicate: block } } })
    onTestFinished(() => gateway.close())
    const before = places.upstream.requests.length
    const answer = await gateway.fetch('/v1/chat/completions', { model: `replicate/${model}`, messages: [{ role: 'user', content: 'hi' }] })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { message: 'model: names no model of replicate' } })
    expect(places.upstream.requests.length).toBe(before)
  })
})
