import { defineProvider, type PathFacts, type Provider } from '../core/provider.ts'
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

/** Those that serve embeddings in OpenAI's way, each below its own name. */
const EMBEDDERS: ReadonlyMap<string, Provider> = new Map(
  ['nebius', 'sambanova', 'scaleway'].map((name) => {
    const entry = defineProvider({
      name: `huggingface-${name}`,
      format: 'openai-chat',
      formats: { embedding: 'openai-embeddings' },
      baseUrl: 'https://router.huggingface.co',
      auth: 'bearer',
      paths: { embedding: `/${name}/v1/embeddings` },
      wireModel: (model) => model.slice(name.length + 1),
    })
    return [name, entry]
  }),
)
/** Hugging Face's own inference, which serves the other embeddings. */
const OWN = /^(?:hf-inference|auto)\//

/** Hugging Face's router to inference providers: `{inference provider}/{organisation}/{model}`, or the router chooses. */
export const huggingface = defineProvider({
  name: 'huggingface',
  format: 'openai-chat',
  baseUrl: 'https://router.huggingface.co',
  auth: 'bearer',
  isBase: true,
  formats: { embedding: 'huggingface-features' },
  paths: { chat_completion: '/v1/chat/completions', list_models: '/v1/models', embedding: featuresPath },
  variant: (model, operation) => (operation === 'embedding' ? EMBEDDERS.get(model.split('/', 1)[0] as string) : undefined),
  wireModel: (model, { operation }) => (operation === 'embedding' ? model.replace(OWN, '') : routerModel(model)),
  quirks: compatibleQuirks,
})

function featuresPath({ model }: PathFacts): string {
  return `/hf-inference/models/${model.split('/').map(encodeURIComponent).join('/')}/pipeline/feature-extraction`
}

/** The router wants the inference provider after the model: `organisation/model:provider`. */
function routerModel(model: string): string {
  const slash = model.indexOf('/')
  const first = slash < 0 ? '' : model.slice(0, slash)
  const rest = model.slice(slash + 1)
  if (first === 'auto') return rest
  const provider = OTHER_NAMES[first] ?? first
  return INFERENCE_PROVIDERS.has(provider) && rest.includes('/') ? `${rest}:${provider}` : model
}
