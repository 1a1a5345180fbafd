import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions'
import { describe, expect, test } from 'vitest'
import { PLAIN_TEXT, STRUCTURED_TEXT, UNICODE_TEXT } from '../../bench/upstream/contents.ts'
import { ask, chunksOf, messageOf, PROVIDERS, type ProviderName, startBench, TOOLS } from './support.ts'

const bench = startBench()

/** What a client must read of an answer, whichever provider gave it and however it came. */
interface Expected {
  content: string | null
  finish: ChatCompletion.Choice['finish_reason']
  /** Input, output, and what of it was cached and thought. */
  usage: { input: number; output: number; cached?: number; reasoning?: number }
  refusal?: string
  reasoning?: string
  calls?: readonly [id: string, name: string, args: unknown][]
}

interface Case {
  model: string
  expected: Expected
  /** What this provider's dialect cannot say as the other does. */
  but?: Partial<Record<ProviderName, Partial<Expected>>>
}

const SHORT = { input: 12, output: 15 }
const THOUGHT = 'The user greets me, so I greet back.'
const call = (id: string, city: string): [string, string, unknown] => [id, 'get_weather', { city, unit: 'celsius' }]

const CASES: readonly Case[] = [
  { model: 'text', expected: { content: PLAIN_TEXT, finish: 'stop', usage: SHORT } },
  { model: 'unicode', expected: { content: UNICODE_TEXT, finish: 'stop', usage: SHORT } },
  { model: 'structured', expected: { content: STRUCTURED_TEXT, finish: 'stop', usage: SHORT } },
  { model: 'length', expected: { content: 'This answer was cut', finish: 'length', usage: SHORT } },
  { model: 'stop-sequence', expected: { content: 'One, two, ', finish: 'stop', usage: SHORT } },
  {
    model: 'content-filter',
    expected: { content: 'I was about to', finish: 'content_filter', usage: SHORT },
    // Cohere has no such reason.
    but: { cohere: { finish: 'stop' } },
  },
  { model: 'cached', expected: { content: PLAIN_TEXT, finish: 'stop', usage: { input: 1212, output: 15, cached: 1000 } } },
  { model: 'citations', expected: { content: 'Paris is in France.', finish: 'stop', usage: { input: 12, output: 8 } } },
  {
    model: 'refusal',
    expected: { content: null, refusal: 'I cannot help with that.', finish: 'stop', usage: { input: 12, output: 6 } },
    // Anthropic says that it refused by the stop reason alone; its words are text.
    but: {
      anthropic: { content: 'I cannot help with that.', refusal: '', finish: 'content_filter' },
      // These stop without a word, and Cohere does not say that it refused.
      gemini: { content: '', refusal: '', finish: 'content_filter' },
      bedrock: { content: '', refusal: '', finish: 'content_filter' },
      cohere: { content: 'I cannot help with that.', refusal: '' },
    },
  },
  {
    model: 'reasoning',
    expected: { content: PLAIN_TEXT, reasoning: THOUGHT, finish: 'stop', usage: { input: 12, output: 25, reasoning: 10 } },
    // These do not count thoughts apart.
    but: {
      anthropic: { usage: { input: 12, output: 25 } },
      bedrock: { usage: { input: 12, output: 25 } },
      cohere: { usage: { input: 12, output: 25 } },
    },
  },
  { model: 'redacted-reasoning', expected: { content: PLAIN_TEXT, finish: 'stop', usage: { input: 12, output: 25 } } },
  {
    model: 'tools',
    expected: { content: null, finish: 'tool_calls', calls: [call('call_1', 'Paris')], usage: { input: 40, output: 20 } },
  },
  {
    model: 'text-and-tools',
    expected: { content: 'I look it up.', finish: 'tool_calls', calls: [call('call_1', 'Paris')], usage: { input: 40, output: 24 } },
  },
  {
    model: 'tool-no-arguments',
    expected: { content: null, finish: 'tool_calls', calls: [['call_1', 'get_time', {}]], usage: { input: 40, output: 8 } },
  },
  {
    model: 'parallel-tools',
    expected: {
      content: null,
      finish: 'tool_calls',
      calls: [call('call_1', 'Paris'), call('call_2', 'Rome'), call('call_3', 'Zürich')],
      usage: { input: 40, output: 60 },
    },
  },
  {
    model: 'reasoning-tools',
    expected: {
      content: null,
      reasoning: THOUGHT,
      finish: 'tool_calls',
      calls: [call('call_1', 'Paris')],
      usage: { input: 40, output: 32, reasoning: 10 },
    },
    but: {
      anthropic: { usage: { input: 40, output: 32 } },
      bedrock: { usage: { input: 40, output: 32 } },
      cohere: { usage: { input: 40, output: 32 } },
    },
  },
]

/** What only a stream of text can look like. */
const TEXT_ONLY = new Set([
  'fault-crlf',
  'fault-cr',
  'fault-mixed-line-ends',
  'fault-bom',
  'fault-comments',
  'fault-id-retry',
  'fault-no-space',
  'fault-multi-line-data',
  'fault-no-final-blank',
  'fault-unknown-event',
])

/** Answers that reach the gateway in every ill way a well-meaning provider may send them; all say the plain text. */
const SPLIT_MODELS = [
  'fault-split-bytes',
  'fault-crlf',
  'fault-cr',
  'fault-mixed-line-ends',
  'fault-bom',
  'fault-comments',
  'fault-id-retry',
  'fault-no-space',
  'fault-multi-line-data',
  'fault-no-final-blank',
  'fault-gzip',
  'fault-zstd',
  'fault-close-delimited',
  'fault-unknown-event',
  'fault-done-then-open',
]

const ROWS = PROVIDERS.flatMap((provider) => CASES.map((row) => ({ provider, ...row, model: `${provider}/${row.model}` })))

function expectedOf({ provider, expected, but }: (typeof ROWS)[number]): Expected {
  const wanted = { refusal: '', reasoning: '', calls: [], ...expected, ...but?.[provider] }
  // Calls that come without ids get some that are a function of the answer.
  return provider === 'gemini' ? { ...wanted, calls: wanted.calls.map(([, ...rest], index) => [`gem_fake_1_${index}`, ...rest]) } : wanted
}

function usageOf(usage: ChatCompletion['usage'] | null): Expected['usage'] | undefined {
  if (!usage) return undefined
  expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0
  return {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    ...(cached > 0 && { cached }),
    ...(reasoning > 0 && { reasoning }),
  }
}

/** What a client reads of a whole answer. */
function readAnswer(completion: ChatCompletion): Expected {
  const message = messageOf(completion)
  const calls = (message.tool_calls ?? []).map((made): [string, string, unknown] => {
    if (made.type !== 'function') throw new Error(`a ${made.type} call`)
    return [made.id, made.function.name, JSON.parse(made.function.arguments)]
  })
  return {
    content: message.content || (calls.length > 0 || message.refusal ? null : ''),
    finish: completion.choices[0]?.finish_reason ?? 'stop',
    usage: usageOf(completion.usage) ?? { input: -1, output: -1 },
    refusal: message.refusal ?? '',
    reasoning: message.reasoning ?? message.reasoning_content ?? '',
    calls,
  }
}

/** What a client that knows nothing but the vendor's documentation puts together from the chunks. */
function readChunks(chunks: readonly ChatCompletionChunk[]): Expected {
  const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta as Record<string, unknown> & typeof choice.delta))
  const text = (name: string): string => deltas.map((delta) => delta[name] ?? '').join('')
  const calls: [string, string, string][] = []
  for (const piece of deltas.flatMap((delta) => delta.tool_calls ?? [])) {
    const known = calls[piece.index]
    // Strict clients ask for id, type and name with the first piece of a call, and for the pieces in order.
    if (known) known[2] += piece.function?.arguments ?? ''
    else {
      expect(piece).toMatchObject({ index: calls.length, type: 'function', id: expect.any(String), function: { name: expect.any(String) } })
      calls.push([piece.id as string, piece.function?.name as string, piece.function?.arguments ?? ''])
    }
  }
  const hasRefusal = text('refusal') !== ''
  return {
    content: text('content') === '' && (calls.length > 0 || hasRefusal) ? null : text('content'),
    finish: chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.finish_reason ?? []))[0] ?? 'stop',
    usage: usageOf(chunks.at(-1)?.usage) ?? { input: -1, output: -1 },
    refusal: text('refusal'),
    reasoning: text('reasoning') || text('reasoning_content'),
    calls: calls.map(([id, name, args]) => [id, name, JSON.parse(args)]),
  }
}

describe.each(ROWS)('$model', (row) => {
  const request = { model: row.model, messages: ask(), tools: TOOLS }

  test('is read whole', async () => {
    const completion = await bench.client.chat.completions.create(request)
    expect(completion).toMatchObject({ object: 'chat.completion', id: expect.any(String), created: expect.any(Number) })
    expect(messageOf(completion).role).toBe('assistant')
    expect(readAnswer(completion)).toEqual(expectedOf(row))
  })

  test('is read from the raw chunks, the first of which has the role and the last the usage', async () => {
    const stream = await bench.client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })
    const chunks = await chunksOf(stream)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason)).toHaveLength(1)
    expect(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.object} ${chunk.created} ${chunk.model}`)).size).toBe(1)
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(readChunks(chunks)).toEqual(expectedOf(row))
  })

  test('is put together by the strict helper', async () => {
    const runner = bench.client.chat.completions.stream({ ...request, stream_options: { include_usage: true } })
    const { reasoning: _, ...expected } = expectedOf(row)
    // The helper knows the vendor's own fields alone.
    expect(readAnswer(await runner.finalChatCompletion())).toMatchObject(expected)
  })
})

describe.each(PROVIDERS)('%s, however its bytes come', (provider) => {
  test.each(SPLIT_MODELS.filter((model) => provider !== 'bedrock' || !TEXT_ONLY.has(model)))('%s', async (model) => {
    const request = { model: `${provider}/${model}`, messages: ask() }
    const stream = await bench.client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })
    expect(readChunks(await chunksOf(stream))).toEqual({
      content: PLAIN_TEXT,
      finish: 'stop',
      usage: SHORT,
      refusal: '',
      reasoning: '',
      calls: [],
    })
  })

  test('split inside code points', async () => {
    const stream = await bench.client.chat.completions.create({ model: `${provider}/fault-utf8-split`, messages: ask(), stream: true })
    expect(readChunks(await chunksOf(stream)).content).toBe(UNICODE_TEXT)
  })

  test('a whole answer byte by byte', async () => {
    const completion = await bench.client.chat.completions.create({ model: `${provider}/fault-split-bytes`, messages: ask() })
    expect(messageOf(completion).content).toBe(PLAIN_TEXT)
  })

  test.each(['fault-no-role', 'fault-tool-no-type', 'fault-tool-no-index', 'fault-tool-repeats-id'])(
    '%s satisfies a strict client',
    async (model) => {
      const runner = bench.client.chat.completions.stream({ model: `${provider}/${model}`, messages: ask(), tools: TOOLS })
      const message = messageOf(await runner.finalChatCompletion())
      expect(message.role).toBe('assistant')
      for (const made of message.tool_calls ?? []) expect(made).toMatchObject({ type: 'function', id: expect.any(String) })
    },
  )
})

describe.each(PROVIDERS)('%s, usage in a stream', (provider) => {
  test('comes only when the client asks for it', async () => {
    const stream = await bench.client.chat.completions.create({ model: `${provider}/text`, messages: ask(), stream: true })
    const chunks = await chunksOf(stream)
    expect(chunks.filter((chunk) => chunk.choices.length === 0)).toEqual([])
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })
})
