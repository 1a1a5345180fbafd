import type { Job } from './job.ts'

/** What is measured: one kind of load with one model, by a client of one dialect. */
export interface Scenario {
  /** Also its name on the command line and in baseline.json. */
  name: string
  title: string
  kind: 'saturate' | 'paced'
  /** What CPU is divided by. */
  unit: 'request' | 'event'
  model: string
  isStream: boolean
  /** Who is asked. A peer that does not translate gets the provider's own dialect. */
  provider: 'openai' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere'
  /** The client's dialect; absent: OpenAI's chat. */
  client?: DialectName
  /** The provider's dialect, where it has several. */
  wire?: DialectName
  connections: number
  /** Events a second that the provider sends; absent where the server sets the rate. */
  perSecond?: number
}

/** How a request reaches a server: the gateway is asked in the client's dialect by provider/model, all others in the provider's. */
export type Route = 'gateway' | 'plain'

const WHOLE = { kind: 'saturate', unit: 'request', model: 'whole-1k', isStream: false, connections: 64 } as const
const EVENTS = { kind: 'saturate', unit: 'request', model: 'events-50', isStream: true, connections: 64 } as const
const PACED = { kind: 'paced', unit: 'event', model: 'paced-3000-50', isStream: true, connections: 400, perSecond: 20_000 } as const

const KINDS = [
  ['whole', 'whole answer'],
  ['events', '50 events at once'],
  ['paced', '400 paced streams'],
] as const

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
  ...fromClient('responses', 'a Responses client', { provider: 'openai', wire: 'responses' }),
  ...fromClient('anthropic', 'an Anthropic client', { provider: 'anthropic' }),
  ...fromClient('gemini', 'a Google client', { provider: 'gemini' }),
  ...fromClient('bedrock', 'a Bedrock client', { provider: 'bedrock' }),
  ...fromClient('cohere', 'a Cohere client', { provider: 'cohere' }),
]

/** The three loads of a client of another dialect: to that very dialect, and to OpenAI's chat (of Responses, which OpenAI serves itself, to Anthropic). */
function fromClient(client: DialectName, title: string, own: Pick<Scenario, 'provider' | 'wire'>): Scenario[] {
  const other = { provider: client === 'responses' ? 'anthropic' : 'openai' } as const
  return [WHOLE, EVENTS, PACED].flatMap((load, index) => {
    const [kind, what] = KINDS[index] as readonly [string, string]
    return [
      { ...load, ...own, client, name: `${kind}-${client}-own`, title: `${what}, ${title}, same format` },
      { ...load, ...other, client, name: `${kind}-${client}-other`, title: `${what}, ${title}, from ${other.provider}` },
    ]
  })
}

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
const MESSAGES = [{ role: 'user', content: QUESTION }]

/** Dialects that clients and providers speak here. */
export type DialectName = 'openai' | 'responses' | 'anthropic' | 'gemini' | 'bedrock' | 'cohere'

/** How a dialect asks. The model stands first where the body names it, as the fake provider's quick path wants it. */
interface BenchDialect {
  /** Of the gateway's routes. */
  prefix: string
  path(model: string, isStream: boolean): string
  body(model: string, isStream: boolean): object
  headers: Job['headers']
  mark: string
}

const streamed = (isStream: boolean) => (isStream ? { stream: true } : {})

const DIALECTS: Readonly<Record<DialectName, BenchDialect>> = {
  openai: {
    prefix: '',
    path: () => '/v1/chat/completions',
    body: (model, isStream) => ({ model, max_tokens: 1000, ...streamed(isStream), messages: MESSAGES }),
    headers: HEADERS,
    mark: SSE_MARK,
  },
  responses: {
    prefix: '',
    path: () => '/v1/responses',
    body: (model, isStream) => ({ model, max_output_tokens: 1000, ...streamed(isStream), input: MESSAGES }),
    headers: HEADERS,
    mark: SSE_MARK,
  },
  anthropic: {
    prefix: '/anthropic',
    path: () => '/v1/messages',
    body: (model, isStream) => ({ model, max_tokens: 1000, ...streamed(isStream), messages: MESSAGES }),
    headers: ANTHROPIC_HEADERS,
    mark: SSE_MARK,
  },
  gemini: {
    prefix: '/genai',
    path: (model, isStream) => `/v1beta/models/${model}:${isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: () => ({ contents: [{ role: 'user', parts: [{ text: QUESTION }] }], generationConfig: { maxOutputTokens: 1000 } }),
    headers: HEADERS,
    mark: SSE_MARK,
  },
  bedrock: {
    prefix: '/bedrock',
    path: (model, isStream) => `/model/${encodeURIComponent(model)}/${isStream ? 'converse-stream' : 'converse'}`,
    body: () => ({ messages: [{ role: 'user', content: [{ text: QUESTION }] }], inferenceConfig: { maxTokens: 1000 } }),
    headers: HEADERS,
    mark: ':event-type',
  },
  cohere: {
    prefix: '/cohere',
    path: () => '/v2/chat',
    body: (model, isStream) => ({ model, max_tokens: 1000, ...streamed(isStream), messages: MESSAGES }),
    headers: HEADERS,
    mark: SSE_MARK,
  },
}

/** The request of a scenario: of the gateway in the client's dialect by provider/model, of all others in the provider's. */
export function requestOf(scenario: Scenario, route: Route): Pick<Job, 'path' | 'headers' | 'body' | 'mark'> {
  const { model, isStream, provider } = scenario
  const isGateway = route === 'gateway'
  const dialect = DIALECTS[isGateway ? (scenario.client ?? 'openai') : (scenario.wire ?? provider)]
  const named = isGateway ? `${provider}/${model}` : model
  const { headers, mark } = dialect
  const path = `${isGateway ? dialect.prefix : ''}${dialect.path(named, isStream)}`
  return { path, headers, body: JSON.stringify(dialect.body(named, isStream)), mark }
}
