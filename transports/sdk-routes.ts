import type { Route } from '../core/edge.ts'

const CHAT = 'chat_completion'

/** What each vendor's SDK asks for, below its prefix (api.md 2). */
const OPENAI: readonly Route[] = ['', '/v1'].flatMap((version): Route[] => [
  { method: 'POST', path: `${version}/chat/completions`, operation: CHAT, format: 'openai-chat', provider: 'openai' },
  { method: 'POST', path: `${version}/completions`, operation: 'text_completion', format: 'openai-completions', provider: 'openai' },
  { method: 'POST', path: `${version}/responses`, operation: 'responses', format: 'openai-responses', provider: 'openai' },
  {
    method: 'POST',
    path: `${version}/responses/input_tokens`,
    operation: 'count_tokens',
    format: 'openai-input-tokens',
    provider: 'openai',
  },
  { method: 'POST', path: `${version}/embeddings`, operation: 'embedding', format: 'openai-embeddings', provider: 'openai' },
  { method: 'GET', path: `${version}/models`, operation: 'list_models', format: 'openai-chat', provider: 'openai' },
])
const AZURE: readonly Route[] = ['/openai/deployments/*', '/deployments/*'].map(
  (path): Route => ({ method: 'POST', path, operation: CHAT, format: 'openai-chat', provider: 'azure', namesModel: true }),
)
/** What Azure's client asks the resource for and no deployment; the model in the body is one. */
const AZURE_WIDE: readonly Route[] = OPENAI.map((route) => ({ ...route, path: `/openai${route.path}`, provider: 'azure' }))
const ANTHROPIC: readonly Route[] = [
  { method: 'POST', path: '/v1/complete', operation: 'text_completion', format: 'anthropic-complete', provider: 'anthropic' },
  { method: 'POST', path: '/v1/messages', operation: CHAT, format: 'anthropic-messages', provider: 'anthropic' },
  {
    method: 'POST',
    path: '/v1/messages/count_tokens',
    operation: 'count_tokens',
    format: 'anthropic-count-tokens',
    provider: 'anthropic',
  },
  { method: 'GET', path: '/v1/models', operation: 'list_models', format: 'anthropic-messages', provider: 'anthropic' },
]
/** The ranking API of Vertex AI Search, whose last segment is `default_ranking_config:rank`. */
const RANKING = '/projects/:project/locations/:location/rankingConfigs/:method'
const GENAI: readonly Route[] = ['/v1beta', '/v1'].flatMap((version): Route[] => [
  ...google(`${version}/*`, 'gemini'),
  ...vertex(version),
  { method: 'GET', path: `${version}/models`, operation: 'list_models', format: 'gemini', provider: 'gemini' },
])
/** What Google's client asks Vertex AI for, below a project or, by a key, below none. */
const VERTEX: readonly Route[] = [
  ...google('/v1beta1/*', 'vertex'),
  ...vertex('/v1beta1'),
  { method: 'GET', path: '/v1beta1/publishers/google/models', operation: 'list_models', format: 'gemini', provider: 'vertex' },
]

function vertex(version: string): Route[] {
  return [
    ...google(`${version}/projects/*`, 'vertex'),
    { method: 'POST', path: `${version}${RANKING}`, operation: 'rerank', format: 'vertex-rank', provider: 'vertex' },
  ]
}

/** Paths that end in a model, alone (GET) or with a method. */
function google(path: string, provider: string): Route[] {
  return [
    { method: 'POST', path, operation: CHAT, format: 'gemini', provider, namesModel: true },
    { method: 'GET', path, operation: 'list_models', format: 'gemini', provider, namesModel: true },
  ]
}

const BEDROCK_MODELS: readonly Route[] = [
  ['converse', 'bedrock-converse'],
  ['converse-stream', 'bedrock-converse'],
  ['invoke', 'bedrock-invoke'],
  ['invoke-with-response-stream', 'bedrock-invoke'],
  ['count-tokens', 'bedrock-converse'],
].map(([method, format]): Route => {
  return {
    method: 'POST',
    path: `/model/:model/${method}`,
    operation: CHAT,
    format: format as string,
    provider: 'bedrock',
    namesModel: true,
  }
})
/** Ranking is asked of the agent runtime, and names its model in the body. */
const BEDROCK: readonly Route[] = [
  ...BEDROCK_MODELS,
  { method: 'POST', path: '/rerank', operation: 'rerank', format: 'bedrock-rerank', provider: 'bedrock' },
]
const COHERE: readonly Route[] = [
  { method: 'POST', path: '/v2/chat', operation: CHAT, format: 'cohere-chat', provider: 'cohere' },
  { method: 'POST', path: '/v2/embed', operation: 'embedding', format: 'cohere-embed', provider: 'cohere' },
  { method: 'POST', path: '/v2/rerank', operation: 'rerank', format: 'cohere-rerank', provider: 'cohere' },
  { method: 'POST', path: '/v1/tokenize', operation: 'count_tokens', format: 'cohere-tokenize', provider: 'cohere' },
]

const SDKS: Readonly<Record<string, readonly Route[]>> = {
  '/openai': [...OPENAI, ...AZURE, ...AZURE_WIDE],
  '/anthropic': ANTHROPIC,
  '/genai': [...GENAI, ...VERTEX],
  '/bedrock': BEDROCK,
  '/cohere': COHERE,
}

/** Prefixes of frameworks: OpenAI's routes at once, the other vendors' below. */
const FRAMEWORKS = ['/litellm', '/langchain', '/pydanticai']

function below(prefix: string, routes: readonly Route[]): Route[] {
  return routes.map((route) => ({ ...route, path: `${prefix}${route.path}` }))
}

/** Cursor asks for chats alone, in either of OpenAI's two ways. */
const CURSOR: readonly Route[] = OPENAI.map((route) =>
  route.format === 'openai-chat' && route.method === 'POST' ? { ...route, format: 'cursor-chat' } : route,
)

const bySdk: readonly Route[] = Object.entries(SDKS).flatMap(([prefix, routes]) => below(prefix, routes))

/** The routes of all prefixes. */
export const SDK_ROUTES: readonly Route[] = [
  ...bySdk,
  ...below('/cursor', CURSOR),
  ...FRAMEWORKS.flatMap((prefix) => [...below(prefix, OPENAI), ...below(prefix, bySdk)]),
]
