import type { PlannedProvider } from '../core/config/builtins.ts'
import type { Provider } from '../core/provider.ts'
import { anthropic } from './anthropic.ts'
import { azure } from './azure.ts'
import { bedrock } from './bedrock.ts'
import { cohere } from './cohere.ts'
import { demo } from './demo.ts'
import { gemini } from './gemini.ts'
import { huggingface } from './huggingface.ts'
import { openai } from './openai.ts'
import { openaiCompatible } from './openai-compatible.ts'
import { replicate } from './replicate.ts'
import { vertex } from './vertex.ts'

/** Every provider that this version serves. */
export const providers: readonly Provider[] = [
  openai,
  anthropic,
  azure,
  bedrock,
  vertex,
  gemini,
  cohere,
  ...openaiCompatible,
  huggingface,
  replicate,
  demo,
]

/** Providers that are known by name and come with later versions: a configuration that names one gets a sentence. */
export const plannedProviders: readonly PlannedProvider[] = [{ name: 'elevenlabs', envKey: 'ELEVENLABS_API_KEY' }, { name: 'runway' }]
