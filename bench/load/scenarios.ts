import type { Job } from './job.ts'

/** What is measured: one kind of load with one model, by an OpenAI client. */
export interface Scenario {
  /** Also its name on the command line and in baseline.json. */
  name: string
  title: string
  kind: 'saturate' | 'paced'
  /** What CPU is divided by. */
  unit: 'request' | 'event'
  model: string
  isStream: boolean
  /** The provider's dialect; the client's is always openai-chat. A peer that does not translate gets the provider's own. */
  provider: 'openai' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere'
  connections: number
  /** Events a second that the provider sends; absent where the server sets the rate. */
  perSecond?: number
}

/** How a request reaches a server: the gateway is asked in OpenAI's dialect by provider/model, all others in the provider's. */
export type Route = 'gateway' | 'plain'

const WHOLE = { kind: 'saturate', unit: 'request', model: 'whole-1k', isStream: false, connections: 64 } as const
const EVENTS = { kind: 'saturate', unit: 'request', model: 'events-50', isStream: true, connections: 64 } as const
const PACED = { kind: 'paced', unit: 'event', model: 'paced-3000-50', isStream: true, connections: 400, perSecond: 20_000 } as const

export const SCENARIOS: readonly Scenario[] = [
  { ...WHOLE, name: 'whole', title: 'whole answer, same format', provider: 'openai' },
  { ...EVENTS, name: 'events', title: '50 events at once, same format', provider: 'openai' },
  { ...PACED, name: 'paced', title: '400 paced streams, same format', provider: 'openai' },
  { ...WHOLE, name: 'whole-translated', title: 'whole answer, from Anthropic', provider: 'anthropic' },
  { ...EVENTS, name: 'events-translated', title: '50 events at once, from Anthropic', provider: 'anthropic' },
  { ...PACED, name: 'paced-translated', title: '400 paced streams, from Anthropic', provider: 'anthropic' },
  ...translated('gemini', 'Gemini'),
  ...translated('bedrock', 'Bedrock'),
  ...translated('cohere', 'Cohere'),
]

/** The three loads from a provider whose dialect is not the client's. */
function translated(provider: Scenario['provider'], title: string): Scenario[] {
  return [
    { ...WHOLE, name: `whole-${provider}`, title: `whole answer, from ${title}`, provider },
    { ...EVENTS, name: `events-${provider}`, title: `50 events at once, from ${title}`, provider },
    { ...PACED, name: `paced-${provider}`, title: `400 paced streams, from ${title}`, provider },
  ]
}

const SSE_MARK = 'data:'
const HEADERS = { 'content-type': 'application/json', authorization: 'Bearer sk-bench-0123456789abcdef' }
const ANTHROPIC_HEADERS = {
  'content-type': 'application/json',
  'x-api-key': 'sk-bench-0123456789abcdef',
  'anthropic-version': '2023-06-01',
}
/** Brings the request to about 1 KB. */
const QUESTION = 'Tell me what a reverse proxy does, in one paragraph, for somebody who has never run one. '.repeat(9)

/** What the providers themselves are asked whose request is no OpenAI's with other names. */
const NATIVE: Partial<Record<Scenario['provider'], { path(scenario: Scenario): string; body: object; mark: string }>> = {
  gemini: {
    path: ({ model, isStream }) => `/v1beta/models/${model}:${isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ role: 'user', parts: [{ text: QUESTION }] }], generationConfig: { maxOutputTokens: 1000 } },
    mark: SSE_MARK,
  },
  bedrock: {
    path: ({ model, isStream }) => `/model/${model}/${isStream ? 'converse-stream' : 'converse'}`,
    body: { messages: [{ role: 'user', content: [{ text: QUESTION }] }], inferenceConfig: { maxTokens: 1000 } },
    mark: ':event-type',
  },
}

/** The request of a scenario. The `model` stands first, as the fake provider's quick path wants it. */
export function requestOf(scenario: Scenario, route: Route): Pick<Job, 'path' | 'headers' | 'body' | 'mark'> {
  const native = route === 'plain' ? NATIVE[scenario.provider] : undefined
  if (native) return { path: native.path(scenario), headers: HEADERS, body: JSON.stringify(native.body), mark: native.mark }
  const isPlainAnthropic = route === 'plain' && scenario.provider === 'anthropic'
  const body = JSON.stringify({
    model: route === 'gateway' ? `${scenario.provider}/${scenario.model}` : scenario.model,
    max_tokens: 1000,
    ...(scenario.isStream && { stream: true }),
    messages: [{ role: 'user', content: QUESTION }],
  })
  if (route === 'plain' && scenario.provider === 'cohere') return { path: '/v2/chat', headers: HEADERS, body, mark: SSE_MARK }
  if (isPlainAnthropic) return { path: '/v1/messages', headers: ANTHROPIC_HEADERS, body, mark: SSE_MARK }
  return { path: '/v1/chat/completions', headers: HEADERS, body, mark: SSE_MARK }
}
