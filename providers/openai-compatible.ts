import { defineProvider, type Provider, type Quirks } from '../core/provider.ts'
import { anyToolChoice, dropLongUser, grokReasoning, patches } from './patches.ts'

/** Fields of OpenAI's own that compatible providers refuse. */
const OPENAI_ONLY = ['prediction', 'prompt_cache_key', 'prompt_cache_retention', 'verbosity', 'store', 'web_search_options']

/** What they have in common: no `developer` role, efforts from low to high. */
export const compatibleQuirks = {
  drop: OPENAI_ONLY,
  systemRole: 'system',
  effort: { minimal: 'low', xhigh: 'high', max: 'high' },
  patch: dropLongUser,
  patchFields: ['user'],
} satisfies Quirks

/** Mistral's own API, also where others host its models. */
export const mistralQuirks = {
  ...compatibleQuirks,
  rename: { max_completion_tokens: 'max_tokens', seed: 'random_seed' },
  effort: { minimal: 'none', low: 'high', medium: 'high', xhigh: 'high', max: 'high' },
  patch: patches(dropLongUser, anyToolChoice),
  patchFields: ['user', 'tool_choice'],
} satisfies Quirks

const compatible = {
  format: 'openai-chat',
  auth: 'bearer',
  paths: { chat_completion: '/v1/chat/completions', list_models: '/v1/models' },
  quirks: compatibleQuirks,
} satisfies Partial<Provider>

/** Those that serve text completions too. */
const withText = {
  ...compatible,
  formats: { text_completion: 'openai-completions' },
  paths: { ...compatible.paths, text_completion: '/v1/completions' },
} satisfies Partial<Provider>

/** What those that serve embeddings add to either. */
const embeddings = { format: 'openai-embeddings', path: '/v1/embeddings' }
function withEmbeddings<Entry extends Pick<Provider, 'paths' | 'formats'>>(entry: Entry): Entry {
  return {
    ...entry,
    formats: { ...entry.formats, embedding: embeddings.format },
    paths: { ...entry.paths, embedding: embeddings.path },
  }
}

/** Those that serve the Responses API beside it. */
const withResponses = {
  ...withText,
  formats: { ...withText.formats, responses: 'openai-responses' },
  paths: { ...withText.paths, responses: '/v1/responses' },
} satisfies Partial<Provider>

/** Servers that people run themselves: each key brings its server's URL, and a value only where the server asks for one. */
const selfHosted = { ...withEmbeddings(withText), keyless: 'value' } satisfies Partial<Provider>

/** Providers that speak OpenAI's chat dialect, one entry each. */
export const openaiCompatible: readonly Provider[] = [
  defineProvider({
    ...compatible,
    name: 'groq',
    baseUrl: 'https://api.groq.com/openai',
    // https://console.groq.com/docs/openai (unsupported features)
    quirks: {
      ...compatibleQuirks,
      drop: [...OPENAI_ONLY, 'logprobs', 'top_logprobs', 'logit_bias'],
      reasoningField: 'reasoning',
    },
  }),
  defineProvider({
    ...withEmbeddings(compatible),
    name: 'mistral',
    baseUrl: 'https://api.mistral.ai',
    envKey: 'MISTRAL_API_KEY',
    quirks: { ...mistralQuirks, rename: { ...mistralQuirks.rename, dimensions: 'output_dimension' } },
  }),
  defineProvider({
    ...withEmbeddings(withResponses),
    name: 'openrouter',
    baseUrl: 'https://openrouter.ai/api',
    quirks: { ...compatibleQuirks, drop: [...OPENAI_ONLY, 'service_tier'], reasoningField: 'reasoning' },
  }),
  defineProvider({
    ...withResponses,
    name: 'xai',
    baseUrl: 'https://api.x.ai',
    quirks: {
      ...compatibleQuirks,
      reasoningField: 'reasoning_content',
      patch: patches(dropLongUser, grokReasoning),
      patchFields: ['user', 'presence_penalty', 'frequency_penalty', 'stop', 'reasoning_effort'],
    },
  }),
  defineProvider({
    ...withText,
    name: 'cerebras',
    baseUrl: 'https://api.cerebras.ai',
    // https://inference-docs.cerebras.ai/resources/openai (unsupported parameters answer 400)
    quirks: {
      ...compatibleQuirks,
      drop: [...OPENAI_ONLY, 'frequency_penalty', 'presence_penalty', 'logit_bias'],
      reasoningField: 'reasoning',
    },
  }),
  defineProvider({
    ...compatible,
    name: 'perplexity',
    baseUrl: 'https://api.perplexity.ai',
    paths: { chat_completion: '/chat/completions' },
    quirks: {
      ...compatibleQuirks,
      drop: [
        ...OPENAI_ONLY.filter((name) => name !== 'web_search_options'),
        'tools',
        'tool_choice',
        'stop',
        'logit_bias',
        'logprobs',
        'top_logprobs',
        'seed',
        'parallel_tool_calls',
        'service_tier',
      ],
      rename: { max_completion_tokens: 'max_tokens' },
    },
  }),
  defineProvider({ ...compatible, name: 'parasail', baseUrl: 'https://api.parasail.io' }),
  defineProvider({ ...withEmbeddings(withText), name: 'nebius', baseUrl: 'https://api.tokenfactory.nebius.com' }),
  defineProvider({
    ...withEmbeddings(withResponses),
    name: 'fireworks',
    baseUrl: 'https://api.fireworks.ai/inference',
    quirks: {
      ...compatibleQuirks,
      drop: OPENAI_ONLY.filter((name) => name !== 'prediction' && name !== 'prompt_cache_key'),
      rename: { prompt_cache_key: 'prompt_cache_isolation_key' },
    },
  }),
  defineProvider({ ...selfHosted, name: 'vllm', keyUrl: 'vllm_key_config', keyModelName: true }),
  defineProvider({ ...selfHosted, name: 'sgl', keyUrl: 'sgl_key_config' }),
  defineProvider({
    ...selfHosted,
    name: 'ollama',
    keyUrl: 'ollama_key_config',
    quirks: { ...compatibleQuirks, rename: { max_completion_tokens: 'max_tokens' } },
  }),
]
