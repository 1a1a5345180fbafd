import type { Format } from '../../core/format.ts'
import { format as anthropicComplete } from './anthropic-messages/complete.ts'
import { format as anthropicMessages } from './anthropic-messages/index.ts'
import { format as bedrockConverse } from './bedrock-converse/index.ts'
import { invokeFormat } from './bedrock-invoke/index.ts'
import { format as cohereChat } from './cohere-chat/index.ts'
import { anthropicCount } from './count-tokens/anthropic.ts'
import { bedrockCount } from './count-tokens/bedrock.ts'
import { cohereTokenize } from './count-tokens/cohere.ts'
import { geminiCount, vertexCount } from './count-tokens/gemini.ts'
import { openaiInputTokens } from './count-tokens/openai.ts'
import { bedrockEmbed } from './embeddings/bedrock.ts'
import { cohereEmbed } from './embeddings/cohere.ts'
import { geminiEmbed } from './embeddings/gemini.ts'
import { huggingfaceFeatures } from './embeddings/huggingface.ts'
import { openaiEmbeddings } from './embeddings/openai.ts'
import { vertexEmbed } from './embeddings/vertex.ts'
import { format as gemini } from './gemini/index.ts'
import { cursorFormat } from './openai-chat/cursor.ts'
import { format as openaiChat } from './openai-chat/index.ts'
import { format as openaiCompletions } from './openai-completions/index.ts'
import { format as openaiResponses } from './openai-responses/index.ts'
import { format as replicate } from './replicate/index.ts'
import { bedrockRerank } from './rerank/bedrock.ts'
import { cohereRerank } from './rerank/cohere.ts'
import { nativeRerank, textRerank } from './rerank/native.ts'
import { vertexRank } from './rerank/vertex.ts'

/** InvokeModel, of which some models speak other dialects. Put together here, because a format knows no other. */
const bedrockInvoke = invokeFormat({ claude: anthropicMessages, converse: bedrockConverse, openai: openaiChat }, import.meta.url)

/** Operations without streams, each over the errors and headers of its vendor's chat. */
const operations: readonly Format[] = [
  openaiEmbeddings(openaiChat, import.meta.url),
  cohereEmbed(cohereChat, import.meta.url),
  geminiEmbed(gemini, import.meta.url),
  vertexEmbed(gemini, import.meta.url),
  bedrockEmbed(bedrockConverse, import.meta.url),
  huggingfaceFeatures(openaiChat, import.meta.url),
  nativeRerank(openaiChat, import.meta.url),
  textRerank(openaiChat, import.meta.url),
  cohereRerank(cohereChat, import.meta.url),
  bedrockRerank(bedrockConverse, import.meta.url),
  vertexRank(gemini, import.meta.url),
  openaiInputTokens(openaiResponses, import.meta.url),
  anthropicCount(anthropicMessages, import.meta.url),
  geminiCount(gemini, import.meta.url),
  vertexCount(gemini, import.meta.url),
  bedrockCount({ converse: bedrockConverse, invoke: bedrockInvoke }, import.meta.url),
  cohereTokenize(cohereChat, import.meta.url),
]

/** Every wire format the gateway speaks. */
export const formats: readonly Format[] = [
  openaiChat,
  cursorFormat(openaiResponses),
  openaiCompletions,
  openaiResponses,
  anthropicMessages,
  anthropicComplete,
  bedrockConverse,
  bedrockInvoke,
  cohereChat,
  gemini,
  replicate,
  ...operations,
]
