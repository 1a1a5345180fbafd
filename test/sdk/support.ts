import OpenAI from 'openai'
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionTool } from 'openai/resources/chat/completions'
import { afterAll, beforeAll } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { providers as entries } from '../../providers/index.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, type SeenRequest, startUpstream } from '../helpers/upstream.ts'

/** The roads through the gateway: the client's own dialect, and every translated one. */
export type ProviderName = 'openai' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere'
const ALL: readonly ProviderName[] = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere']
export const PROVIDERS = ALL.filter((name) => entries.some((entry) => entry.name === name))

/** Where each provider is asked for the model `text`, whole. */
export const PATHS: Readonly<Record<ProviderName, string>> = {
  openai: '/v1/chat/completions',
  anthropic: '/v1/messages',
  gemini: '/v1beta/models/text:generateContent',
  bedrock: '/model/text/converse',
  cohere: '/v2/chat',
}

/** A gateway before a fake provider, and the official client before the gateway. */
export interface Bench {
  upstream: FakeUpstream
  gateway: TestGateway
  client: OpenAI
  /** What the provider was sent last. */
  lastRequest(): SeenRequest
}

/** What the client adds to the vendor's answer: the gateway's own facts. */
export interface ExtraFields {
  request_type: string
  provider: string
  original_model_requested: string
  resolved_model_used: string
  latency: number
  chunk_index?: number
  raw_request?: JsonObject
  raw_response?: JsonObject
  dropped_compat_plugin_params?: string[]
  key_statuses?: unknown[]
}

/** Starts all three before the tests of a file and ends them after. The client never retries: every answer is the first. */
export function startBench(client: JsonObject = {}): Bench {
  const bench = {} as Bench
  beforeAll(async () => {
    bench.upstream = await startUpstream()
    bench.gateway = await createGateway({ config: { client, providers: providers(bench.upstream) } })
    bench.client = new OpenAI({ apiKey: 'sk-client', baseURL: `${bench.gateway.url}/v1`, maxRetries: 0 })
    bench.lastRequest = () => bench.upstream.requests.at(-1) as SeenRequest
  })
  afterAll(async () => {
    await bench.gateway.close()
    await bench.upstream.close()
  })
  return bench
}

/** Each provider, and `slow-<provider>` as a custom one that gives up soon. */
function providers(upstream: FakeUpstream): JsonObject {
  const block = (name: string, seconds: number): JsonObject => ({
    keys: [{ name: `${name}-main`, value: 'sk-provider', models: ['*'] }],
    network_config: { base_url: upstream.url, default_request_timeout_in_seconds: seconds },
  })
  const custom = PROVIDERS.map((name) => [
    `slow-${name}`,
    { ...block(`slow-${name}`, 0.05), custom_provider_config: { base_provider_type: name } },
  ])
  return Object.fromEntries([...PROVIDERS.map((name) => [name, block(name, 10)]), ...custom])
}

/** `extra_fields` of an answer, a chunk or an error body. */
export function extraFields(from: unknown): ExtraFields | undefined {
  return (from as { extra_fields?: ExtraFields }).extra_fields
}

/** A conversation of one question. */
export function ask(text = 'hello'): { role: 'user'; content: string }[] {
  return [{ role: 'user', content: text }]
}

/** All chunks of a stream. */
export async function chunksOf(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

/** The first choice's message, with the fields that compatible providers add. */
export function messageOf(
  completion: ChatCompletion,
): ChatCompletion['choices'][0]['message'] & { reasoning?: string; reasoning_content?: string } {
  const [choice] = completion.choices
  if (!choice) throw new Error('the answer has no choice')
  return choice.message
}

/** A tool as the fake provider's models call it. */
export const TOOLS: ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' }, unit: { type: 'string' } }, required: ['city'] },
    },
  },
]
