import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ask, messageOf, PROVIDERS, type ProviderName, startBench, TOOLS } from './support.ts'

const bench = startBench()

const Weather = z.object({ city: z.string(), temperature: z.number(), is_sunny: z.boolean(), tags: z.array(z.string()) })
const WEATHER = { city: 'Paris', temperature: 21.5, is_sunny: true, tags: ['warm', 'dry'] }

describe.each(PROVIDERS)('%s, a round of tools', (provider) => {
  test.each([
    { model: 'tools', cities: ['Paris'] },
    { model: 'parallel-tools', cities: ['Paris', 'Rome', 'Zürich'] },
    { model: 'reasoning-tools', cities: ['Paris'] },
  ])('runTools with $model calls the functions and sends the results back', async ({ model, cities }) => {
    const called: string[] = []
    const runner = bench.client.chat.completions.runTools({ model: `${provider}/${model}`, messages: ask(), tools: [weather(called)] })
    expect(await runner.finalContent()).toBe(`The tool said: ${answerOf(provider, cities)}`)
    expect(called).toEqual(cities)
    expect(bench.lastRequest().json).toMatchObject(resultsOf(provider, cities))
  })

  test.each(['tools', 'parallel-tools'])('runTools streams with %s', async (model) => {
    const called: string[] = []
    const runner = bench.client.chat.completions.runTools({
      model: `${provider}/${model}`,
      messages: ask(),
      stream: true,
      tools: [weather(called)],
    })
    expect(await runner.finalContent()).toContain('The tool said: ')
    expect(called[0]).toBe('Paris')
  })

  test('tools reach the provider in its own words', async () => {
    await bench.client.chat.completions.create({
      model: `${provider}/tools`,
      messages: ask(),
      tools: TOOLS,
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      parallel_tool_calls: false,
    })
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
    const wire = {
      openai: {
        tools: [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: schema } }],
        tool_choice: { type: 'function', function: { name: 'get_weather' } },
        parallel_tool_calls: false,
      },
      anthropic: {
        tools: [{ name: 'get_weather', description: 'The weather of a city', input_schema: schema }],
        tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
      },
      gemini: {
        tools: [{ functionDeclarations: [{ name: 'get_weather', description: 'The weather of a city', parametersJsonSchema: schema }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_weather'] } },
      },
      bedrock: {
        toolConfig: {
          tools: [{ toolSpec: { name: 'get_weather', description: 'The weather of a city', inputSchema: { json: schema } } }],
          toolChoice: { tool: { name: 'get_weather' } },
        },
      },
      cohere: {
        tools: [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: schema } }],
        tool_choice: 'REQUIRED',
      },
    }
    expect(bench.lastRequest().json).toMatchObject(wire[provider])
  })

  test.each(['auto', 'none', 'required'] as const)('tool_choice %s', async (choice) => {
    await bench.client.chat.completions.create({ model: `${provider}/text`, messages: ask(), tools: TOOLS, tool_choice: choice })
    const { tool_choice: plain, toolConfig } = bench.lastRequest().json as { tool_choice?: unknown; toolConfig?: Record<string, unknown> }
    const any = choice === 'required' ? 'any' : choice
    const wire = {
      openai: [plain, choice],
      anthropic: [plain, { type: any }],
      gemini: [toolConfig, { functionCallingConfig: { mode: any.toUpperCase() } }],
      // These have no word for all three: what they lack is left out.
      bedrock: [toolConfig?.toolChoice, choice === 'none' ? undefined : { [any]: {} }],
      cohere: [plain, choice === 'auto' ? undefined : choice.toUpperCase()],
    }
    expect(wire[provider][0]).toEqual(wire[provider][1])
  })

  test('a tool result with an image keeps its image', async () => {
    const messages: ChatCompletionMessageParam[] = [
      { role: 'user', content: 'look' },
      { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }] },
      {
        role: 'tool',
        tool_call_id: 'call_1',
        // The vendor's types allow text alone; its API and others take more.
        content: [{ type: 'text', text: 'seen:' }, { type: 'image_url', image_url: { url: PIXEL } } as never],
      },
    ]
    const asked = bench.client.chat.completions.create({ model: `${provider}/image-echo`, messages })
    // Cohere's results are text.
    if (provider === 'cohere') return expect(asked).rejects.toMatchObject({ status: 400 })
    expect(messageOf(await asked).content).toMatch(new RegExp(`^seen: \\[image (image/png )?${PIXEL_DATA.length} characters\\]$`))
    const wire = {
      openai: { role: 'tool', tool_call_id: 'call_1' },
      anthropic: {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'call_1',
            content: [
              { type: 'text', text: 'seen:' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL_DATA } },
            ],
          },
        ],
      },
      gemini: { role: 'user' },
      bedrock: {
        role: 'user',
        content: [{ toolResult: { toolUseId: 'call_1', content: [{ text: 'seen:' }, { image: { format: 'png' } }] } }],
      },
    }
    const { messages: sent, contents } = bench.lastRequest().json as { messages?: unknown[]; contents?: unknown[] }
    expect((sent ?? contents ?? []).at(-1)).toMatchObject(wire[provider])
  })
})

describe.each(PROVIDERS)('%s, structured output', (provider) => {
  const request = { model: `${provider}/structured`, messages: ask(), response_format: zodResponseFormat(Weather, 'weather') }

  test('parse reads it, and the provider was given the schema', async () => {
    const completion = await bench.client.chat.completions.parse(request)
    expect(completion.choices[0]?.message.parsed).toEqual(WEATHER)
    expect(JSON.stringify(bench.lastRequest().json)).toContain('"is_sunny":{"type":"boolean"}')
  })

  test('a stream is parsed too', async () => {
    const completion = await bench.client.chat.completions.stream(request).finalChatCompletion()
    expect(completion.choices[0]?.message.parsed).toEqual(WEATHER)
  })

  const ends: [string, RegExp][] = [
    ['length', /length limit was reached/],
    ['content-filter', /rejected by the content filter/],
  ]
  // Cohere does not say that it filtered.
  test.each(ends.filter(([end]) => provider !== 'cohere' || end === 'length'))(
    'parse refuses an answer that ended by %s, whole and streamed',
    async (model, message) => {
      const cut = { ...request, model: `${provider}/${model}` }
      await expect(bench.client.chat.completions.parse(cut)).rejects.toThrow(message)
      // The helper parses as it reads, and stumbles over the cut text first.
      await expect(bench.client.chat.completions.stream(cut).finalChatCompletion()).rejects.toThrow()
    },
  )

  test('tool arguments are parsed where the tool is strict', async () => {
    const completion = await bench.client.chat.completions.parse({
      model: `${provider}/tools`,
      messages: ask(),
      tools: [{ type: 'function', function: { ...(TOOLS[0] as { function: object }).function, name: 'get_weather', strict: true } }],
    })
    const [call] = completion.choices[0]?.message.tool_calls ?? []
    expect(call?.type === 'function' && call.function.parsed_arguments).toEqual({ city: 'Paris', unit: 'celsius' })
  })
})

const PIXEL_DATA = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const PIXEL = `data:image/png;base64,${PIXEL_DATA}`

function weather(called: string[]) {
  return zodFunction({
    name: 'get_weather',
    parameters: z.object({ city: z.string() }),
    function({ city }): string {
      called.push(city)
      return `sunny in ${city}`
    },
  })
}

/** Results are messages of their own in these dialects, so that the last one is all the model sees last; in others they stand in one. */
const SINGLE_RESULTS = ['openai', 'cohere']

function answerOf(provider: ProviderName, cities: readonly string[]): string {
  const said = SINGLE_RESULTS.includes(provider) ? cities.slice(-1) : cities
  return said.map((city) => `sunny in ${city}`).join(' ')
}

function resultsOf(provider: ProviderName, cities: readonly string[]): object {
  const results = cities.map((city, index) => ({ id: `call_${index + 1}`, content: `sunny in ${city}` }))
  if (provider === 'gemini') {
    const parts = results.map(({ content }) => ({ functionResponse: { name: 'get_weather', response: { output: content } } }))
    return { contents: [{ role: 'user' }, { role: 'model' }, { role: 'user', parts }] }
  }
  if (provider === 'bedrock') {
    const content = results.map(({ id, content: text }) => ({ toolResult: { toolUseId: id, content: [{ text }] } }))
    return { messages: [{ role: 'user' }, { role: 'assistant' }, { role: 'user', content }] }
  }
  if (SINGLE_RESULTS.includes(provider)) {
    const messages = results.map(({ id, content }) => ({ role: 'tool', tool_call_id: id, ...(provider === 'openai' && { content }) }))
    return {
      messages: [{ role: 'user' }, { role: 'assistant', tool_calls: results.map(({ id }) => ({ id, type: 'function' })) }, ...messages],
    }
  }
  const content = results.map(({ id, content: text }) => ({ type: 'tool_result', tool_use_id: id, content: text }))
  return { messages: [{ role: 'user' }, { role: 'assistant' }, { role: 'user', content }] }
}
