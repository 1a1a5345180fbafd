import { defineProvider } from '../core/provider.ts'
import { compatibleQuirks } from './openai-compatible.ts'

/** Inference providers that serve chat behind the router. https://huggingface.co/docs/inference-providers */
const INFERENCE_PROVIDERS: ReadonlySet<string> = new Set([
  'hf-inference',
  'cerebras',
  'cohere',
  'featherless-ai',
  'fireworks-ai',
  'groq',
  'hyperbolic',
  'nebius',
  'novita',
  'nscale',
  'ovhcloud',
  'publicai',
  'sambanova',
  'scaleway',
  'together',
  'zai-org',
])

/** Names by which clients of other gateways know them. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  fireworks: 'fireworks-ai',
  'ovhcloud-ai-endpoints': 'ovhcloud',
  'public-ai': 'publicai',
  'z-ai': 'zai-org',
}

/** Hugging Face's router to inference providers: `{inference provider}/{organisation}/{model}`, or the router chooses. */
export const huggingface = defineProvider({
  name: 'huggingface',
  format: 'openai-chat',
  baseUrl: 'https://router.huggingface.co',
  auth: 'bearer',
  isBase: true,
  paths: { chat_completion: '/v1/chat/completions', list_models: '/v1/models' },
  wireModel: routerModel,
  quirks: compatibleQuirks,
})

/** The router wants the inference provider after the model: `organisation/model:provider`. */
function routerModel(model: string): string {
  const slash = model.indexOf('/')
  const first = slash < 0 ? '' : model.slice(0, slash)
  const rest = model.slice(slash + 1)
  if (first === 'auto') return rest
  const provider = OTHER_NAMES[first] ?? first
  return INFERENCE_PROVIDERS.has(provider) && rest.includes('/') ? `${rest}:${provider}` : model
}
