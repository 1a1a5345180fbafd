import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { ask, extraFields } from './support.ts'

const WIDE = '10000000000000000999'
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const CALL = { id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{"zone":"UTC"}' } }
const STRICT = {
  id: 'c1',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: '{"city":"Paris"}' }, finish_reason: 'stop' }],
  usage: USAGE,
}

const without = (value: JsonObject, ...names: string[]): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
const choice = (fields: JsonObject): JsonObject => ({ ...STRICT, choices: [fields] })
const message = (fields: JsonObject): JsonObject => choice({ index: 0, message: fields, finish_reason: 'stop' })
const called = (call: JsonObject): JsonObject => message({ role: 'assistant', content: null, tool_calls: [call] })

/** What compatible servers leave out of whole answers. */
const LOOSE: Readonly<Record<string, JsonObject>> = {
  'no-id': without(STRICT, 'id'),
  'no-object': without(STRICT, 'object'),
  'no-created': without(STRICT, 'created'),
  'no-model': without(STRICT, 'model'),
  'no-index': choice({ message: { role: 'assistant', content: '{"city":"Paris"}' }, finish_reason: 'stop' }),
  'no-role': message({ content: '{"city":"Paris"}' }),
  'no-finish': choice({ index: 0, message: { role: 'assistant', content: '{"city":"Paris"}' } }),
  'null-finish': choice({ index: 0, message: { role: 'assistant', content: '{"city":"Paris"}' }, finish_reason: null }),
  'content-list': message({ role: 'assistant', content: [{ type: 'text', text: '{"city":"Paris"}' }] }),
}
const LOOSE_CALLS: Readonly<Record<string, JsonObject>> = {
  'call-no-id': called(without(CALL, 'id')),
  'call-no-type': called(without(CALL, 'type')),
  'call-object': called({ ...CALL, function: { name: 'get_time', arguments: { zone: 'UTC' } } }),
  'call-no-role': message({ tool_calls: [CALL] }),
}
const ANSWERS: Readonly<Record<string, JsonObject | string>> = {
  ...LOOSE,
  ...LOOSE_CALLS,
  strict: STRICT,
  'no-answer': { hello: 1 },
  'no-choices': { ...STRICT, choices: [] },
  filtered: { ...STRICT, prompt_filter_results: [{ content_filter_results: { error: { code: 'x' } } }] },
  wide: `{"id":"m","type":"message","role":"assistant","model":"w","content":[{"type":"tool_use","id":"t","name":"f","input":{"n":${WIDE}}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`,
}

let provider: Server
let gateway: TestGateway
let client: OpenAI
beforeAll(async () => {
  provider = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const asked = JSON.parse(body) as { model: string; messages: { role: string }[] }
      const isAnswered = asked.messages.some(({ role }) => role === 'tool')
      const answer = isAnswered ? STRICT : (ANSWERS[asked.model] ?? STRICT)
      response.writeHead(200, { 'content-type': 'application/json' }).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const block = (name: string): JsonObject => ({
    keys: [{ name, value: 'sk-provider', models: ['*'] }],
    network_config: { base_url: url },
  })
  gateway = await createGateway({ config: { providers: { openai: block('openai'), anthropic: block('anthropic') } } })
  client = new OpenAI({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
})
afterAll(async () => {
  await gateway.close()
  provider.closeAllConnections()
  provider.close()
})

const City = z.object({ city: z.string() })
const create = (model: string, headers: Record<string, string> = {}) =>
  client.chat.completions.create({ model: `openai/${model}`, messages: ask() }, { headers })

describe('a whole answer that lacks what strict clients want', () => {
  test.each(Object.keys(LOOSE))('%s', async (model) => {
    const request = { model: `openai/${model}`, messages: ask(), response_format: zodResponseFormat(City, 'city') }
    const completion = await client.chat.completions.parse(request)
    expect(completion).toMatchObject({
      id: expect.stringMatching(/./),
      object: 'chat.completion',
      created: expect.any(Number),
      model: expect.stringMatching(/./),
      choices: [{ index: 0, message: { role: 'assistant', parsed: { city: 'Paris' } }, finish_reason: 'stop' }],
      usage: USAGE,
    })
    expect(extraFields(completion)).toMatchObject({ provider: 'openai', resolved_model_used: model })
  })

  test.each(Object.keys(LOOSE_CALLS))('runTools: %s', async (model) => {
    const zones: string[] = []
    const tool = zodFunction({
      name: 'get_time',
      parameters: z.object({ zone: z.string() }),
      function({ zone }): string {
        zones.push(zone)
        return 'noon'
      },
    })
    const runner = client.chat.completions.runTools({ model: `openai/${model}`, messages: ask(), tools: [tool] })
    expect(await runner.finalContent()).toBe('{"city":"Paris"}')
    expect(zones).toEqual(['UTC'])
  })

  test('keeps what the provider says beside it, and shows the raw answer when asked', async () => {
    const completion = await create('no-index', { 'x-bf-send-back-raw-response': 'true' })
    expect(extraFields(completion)?.raw_response).toEqual(LOOSE['no-index'])
  })

  test.each(['no-answer', 'no-choices'])('is no answer: %s', async (model) => {
    await expect(create(model)).rejects.toMatchObject({ status: 502, type: 'upstream_invalid_response' })
  })
})

test.each(['strict', 'filtered'])('%s: an answer that fits goes through as it came', async (model) => {
  const { extra_fields: _, ...rest } = (await create(model)) as object as JsonObject
  expect(rest).toEqual(ANSWERS[model])
})

test('numbers in arguments that are wider than a double keep their digits', async () => {
  const { choices } = await client.chat.completions.create({ model: 'anthropic/wide', messages: ask() })
  expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { arguments: `{"n":${WIDE}}` } }])
})
