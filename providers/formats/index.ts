import type { Format } from '../../core/format.ts'
import { format as anthropicMessages } from './anthropic-messages/index.ts'
import { format as bedrockConverse } from './bedrock-converse/index.ts'
import { invokeFormat } from './bedrock-invoke/index.ts'
import { format as cohereChat } from './cohere-chat/index.ts'
import { bedrockEmbed } from './embeddings/bedrock.ts'
import { cohereEmbed } from './embeddings/cohere.ts'
import { geminiEmbed } from './embeddings/gemini.ts'
import { openaiEmbeddings } from './embeddings/openai.ts'
import { vertexEmbed } from './embeddings/vertex.ts'
import { format as gemini } from './gemini/index.ts'
import { format as openaiChat } from './openai-chat/index.ts'
import { format as openaiCompletions } from './openai-completions/index.ts'
import { format as openaiResponses } from './openai-responses/index.ts'
import { format as replicate } from './replicate/index.ts'

/** Claude behind InvokeModel. Put together here, because a format knows no other. */
const bedrockInvoke = invokeFormat(anthropicMessages, import.meta.url)

/** Operations without streams, each over the errors and headers of its vendor's chat. */
const operations: readonly Format[] = [
  openaiEmbeddings(openaiChat, import.meta.url),
  cohereEmbed(cohereChat, import.meta.url),
  geminiEmbed(gemini, import.meta.url),
  vertexEmbed(gemini, import.meta.url),
  bedrockEmbed(bedrockConverse, import.meta.url),
]

/** Every wire format the gateway speaks. */
export const formats: readonly Format[] = [
  openaiChat,
  openaiCompletions,
  openaiResponses,
  anthropicMessages,
  bedrockConverse,
  bedrockInvoke,
  cohereChat,
  gemini,
  replicate,
  ...operations,
]
