import type { ChatRequest, Extra } from './chat.ts'

/** How many tokens a chat would have as input: the request is that chat. */
export type CountRequest = ChatRequest

/** A count. Nothing was generated, so that there is no usage to charge. */
export interface CountResponse {
  kind: 'count_tokens'
  /** Empty where the provider names none. */
  model: string
  inputTokens: number
  /** Of them read from a cache, where the provider says it. */
  cachedTokens?: number | undefined
  usage?: undefined
  extra?: Extra | undefined
}
