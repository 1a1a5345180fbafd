import type { PlannedProvider } from '../core/config/builtins.ts'
import type { Provider } from '../core/provider.ts'
import { anthropic } from './anthropic.ts'
import { demo } from './demo.ts'
import { openai } from './openai.ts'
import { openaiCompatible } from './openai-compatible.ts'

/** Every provider that this version serves. */
export const providers: readonly Provider[] = [openai, anthropic, ...openaiCompatible, demo]

/** Providers that are known by name and come with later versions: a configuration that names one gets a sentence. */
export const plannedProviders: readonly PlannedProvider[] = [
  { name: 'azure' },
  { name: 'bedrock' },
  { name: 'vertex' },
  { name: 'gemini', envKey: 'GEMINI_API_KEY' },
  { name: 'cohere' },
  { name: 'huggingface' },
  { name: 'replicate' },
  { name: 'elevenlabs' },
  { name: 'runway' },
]
