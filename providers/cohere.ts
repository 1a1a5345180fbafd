import { isObject } from '../core/canonical/json.ts'
import { defineProvider } from '../core/provider.ts'

/** Cohere, by its second API. https://docs.cohere.com/reference/chat */
export const cohere = defineProvider({
  name: 'cohere',
  format: 'cohere-chat',
  baseUrl: 'https://api.cohere.com',
  auth: 'bearer',
  isBase: true,
  formats: { embedding: 'cohere-embed', rerank: 'cohere-rerank', count_tokens: 'cohere-tokenize' },
  paths: {
    chat_completion: '/v2/chat',
    list_models: () => '/v1/models?page_size=1000',
    embedding: '/v2/embed',
    rerank: '/v2/rerank',
    count_tokens: '/v1/tokenize',
  },
  modelIds(body) {
    const models = isObject(body) && Array.isArray(body.models) ? body.models : []
    return models.filter(isObject).map(({ name }) => String(name))
  },
})
