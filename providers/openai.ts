import { defineProvider, type Quirks } from '../core/provider.ts'

/** Deviations of OpenAI's models from the common dialect. */
export const openaiQuirks = {
  // Fewer than 16 is refused. https://platform.openai.com/docs/api-reference/responses/create (max_output_tokens)
  clamp: { max_completion_tokens: [16, Number.MAX_SAFE_INTEGER] },
  effort: { max: 'high' },
  // A hint by decision D13, as where thinking models of Anthropic refuse it.
  dropTranslated: ['top_k'],
} satisfies Quirks

/** OpenAI. https://platform.openai.com/docs/api-reference/chat/create */
export const openai = defineProvider({
  name: 'openai',
  format: 'openai-chat',
  baseUrl: 'https://api.openai.com',
  auth: 'bearer',
  envKey: 'OPENAI_API_KEY',
  isBase: true,
  formats: { text_completion: 'openai-completions', responses: 'openai-responses', embedding: 'openai-embeddings' },
  paths: {
    chat_completion: '/v1/chat/completions',
    text_completion: '/v1/completions',
    responses: '/v1/responses',
    list_models: '/v1/models',
    embedding: '/v1/embeddings',
  },
  quirks: openaiQuirks,
})
