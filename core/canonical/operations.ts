import type { ChatRequest, ChatResponse } from './chat.ts'
import type { CountResponse } from './count.ts'
import type { EmbedRequest, EmbedResponse } from './embed.ts'
import type { RerankRequest, RerankResponse } from './rerank.ts'

/** What may be asked, of any operation. */
export type AnyRequest = ChatRequest | EmbedRequest | RerankRequest

/** An answer of an operation that is no chat; `kind` is the operation. */
export type OperationResponse = EmbedResponse | RerankResponse | CountResponse

/** An answer of any operation. */
export type AnyResponse = ChatResponse | OperationResponse

/** Whether an answer is one of chat. */
export function isChatResponse(response: AnyResponse): response is ChatResponse {
  return 'choices' in response
}
