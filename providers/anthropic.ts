import { defineProvider } from '../core/provider.ts'

/** Anthropic. https://docs.anthropic.com/en/api/messages */
export const anthropic = defineProvider({
  name: 'anthropic',
  format: 'anthropic-messages',
  baseUrl: 'https://api.anthropic.com',
  auth: 'x-api-key',
  envKey: 'ANTHROPIC_API_KEY',
  isBase: true,
  formats: { count_tokens: 'anthropic-count-tokens' },
  paths: { chat_completion: '/v1/messages', list_models: '/v1/models', count_tokens: '/v1/messages/count_tokens' },
  headers: { 'anthropic-version': '2023-06-01' },
  // The dialect demands max_tokens.
  defaultMaxOutputTokens: 4096,
})
