import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import type { ResponseInput } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import { PROVIDERS } from '../matrix/cases.ts'
import { type MatrixGateway, startMatrixGateway } from '../matrix/gateway.ts'

let behind: MatrixGateway
let client: OpenAI
beforeAll(async () => {
  behind = await startMatrixGateway()
  client = new OpenAI({ apiKey: 'sk-client', baseURL: `${behind.url}/v1`, maxRetries: 0 })
})
afterAll(() => behind.close())

const lastJson = () => behind.upstream.requests.at(-1)?.json as JsonObject
const post = (body: JsonObject) => behind.gateway.fetch('/v1/responses', JSON.stringify(body))

const Weather = z.object({ city: z.string(), temperature: z.number(), is_sunny: z.boolean(), tags: z.array(z.string()) })
const TOOLS = [{ type: 'function' as const, name: 'get_weather', parameters: { type: 'object' }, strict: false }]

describe.each(PROVIDERS)('%s by the Responses API', (provider) => {
  test('a form is parsed', async () => {
    const response = await client.responses.parse({
      model: `${provider}/structured`,
      input: 'hello',
      text: { format: zodTextFormat(Weather, 'weather') },
    })
    expect(response.output_parsed).toEqual({ city: 'Paris', temperature: 21.5, is_sunny: true, tags: ['warm', 'dry'] })
  })

  test('the output goes back as input, to who made it and to others', async () => {
    const asked: ResponseInput = [{ role: 'user', content: 'hi' }]
    const first = await client.responses.create({
      model: `${provider}/reasoning-tools`,
      input: asked,
      tools: TOOLS,
      reasoning: { effort: 'low' },
    })
    const input: ResponseInput = [...asked, ...first.output] as ResponseInput
    for (const item of first.output)
      if (item.type === 'function_call') input.push({ type: 'function_call_output', call_id: item.call_id, output: 'sunny' })
    for (const next of [provider, 'openai', 'anthropic', 'gemini']) {
      const answer = await client.responses.create({ model: `${next}/tools`, input, tools: TOOLS })
      expect(answer.output_text).toBe('The tool said: sunny')
    }
    await client.responses.create({ model: 'anthropic/tools', input, tools: TOOLS })
    expect(JSON.stringify(lastJson()).includes('"signature":"ZmFrZS1zaWduYXR1cmU="')).toBe(provider === 'anthropic')
  })

  test('an answer says what was asked', async () => {
    const response = await client.responses.create({ model: `${provider}/text`, input: 'hello', temperature: 0.5, metadata: { a: 'b' } })
    expect(response).toMatchObject({ object: 'response', status: 'completed', tools: [], tool_choice: 'auto' })
    expect(response).toMatchObject({ extra_fields: { provider, request_type: 'responses' } })
    if (provider !== 'openai') expect(response).toMatchObject({ temperature: 0.5, metadata: { a: 'b' } })
  })
})

describe('what only OpenAI has', () => {
  const own: [JsonObject, string][] = [
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt'],
    [{ background: true }, 'background'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input[0] (item_reference)'],
    [{ tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }, 'tools[0]'],
  ]
  test.each(own)('%j is sent there as it is', async (fields) => {
    const response = await post({ model: 'openai/text', input: 'hi', ...fields })
    expect(response.status).toBe(200)
    expect(lastJson()).toMatchObject(fields)
  })

  test.each(own)('%j is refused by name elsewhere, and asks nobody', async (fields, param) => {
    const { length } = behind.upstream.requests
    const response = await post({ model: 'anthropic/text', input: 'hi', ...fields })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { type: 'unsupported_parameter', param } })
    expect(behind.upstream.requests).toHaveLength(length)
  })

  test('or left out where that is asked for, and reported', async () => {
    const headers = { 'x-bf-compat': 'should_drop_params' }
    const body = JSON.stringify({ model: 'anthropic/text', input: 'hi', previous_response_id: 'resp_1' })
    const response = await behind.gateway.fetch('/v1/responses', body, headers)
    expect(await response.json()).toMatchObject({ extra_fields: { dropped_compat_plugin_params: ['previous_response_id'] } })
  })

  test('the events pass as they came', async () => {
    const body = { model: 'text', input: 'hi', stream: true }
    const own = await fetch(`${behind.upstream.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-provider' },
      body: JSON.stringify(body),
    })
    const through = await behind.gateway.fetch('/openai/v1/responses', JSON.stringify(body))
    expect(await through.text()).toBe(await own.text())
  })
})

describe('bad input is refused with its path, and asks nobody', () => {
  const message = (content: unknown) => ({ input: [{ role: 'user', content }] }) as JsonObject
  test.each<[JsonObject, string]>([
    [{}, 'input: is required'],
    [{ input: [] }, 'input: must not be empty'],
    [{ input: '' }, 'input: must not be empty'],
    [{ input: [{ role: 'robot', content: 'hi' }] }, 'input[0].role: '],
    [message([]), 'input[0].content: must not be empty'],
    [message([{ type: 'smell' }]), 'input[0].content[0].type: unknown part type "smell"'],
    [message([{ type: 'input_image', image_url: 'data:image/png;base64,not base64!' }]), 'input[0].content[0].image_url: '],
    [message([{ type: 'input_file' }]), 'input[0].content[0]: needs file_data, file_url or file_id'],
    [{ input: [{ type: 'function_call_output', call_id: 'x', output: 'y' }] }, 'input[0].call_id: there is no call "x"'],
    [{ input: [{ type: 'function_call', call_id: 'x', name: 'f', arguments: '[1' }] }, 'arguments'],
    [{ input: 'hi', stream: 'yes' }, 'stream: must be true or false'],
    [{ input: 'hi', reasoning: { effort: 'huge' } }, 'reasoning.effort: '],
    [{ input: 'hi', text: { format: { type: 'json_schema', name: 'x' } } }, 'text.format.schema: is required'],
    [{ input: 'hi', tools: [{ type: 'function' }] }, 'tools[0].name: is required'],
    [{ input: 'hi', tool_choice: 'maybe' }, 'tool_choice: '],
  ])('%j: %s', async (body, said) => {
    const { length } = behind.upstream.requests
    const response = await post({ model: 'anthropic/text', ...body })
    expect(response.status).toBe(400)
    const { error } = (await response.json()) as { error: { message: string } }
    expect(error.message).toContain(said)
    expect(behind.upstream.requests).toHaveLength(length)
  })
})
