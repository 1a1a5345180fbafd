import { z } from 'zod'
import { defineProvider, type PathFacts } from '../core/provider.ts'
import type { KeySettings } from '../core/snapshot.ts'
import { googleAccount } from './auth/google-account.ts'
import { claudeBetas } from './formats/shared/claude-betas.ts'
import { geminiMethod, namesOf } from './gemini.ts'
import { mistralQuirks } from './openai-compatible.ts'

const keyConfig = {
  name: 'vertex_key_config',
  isRequired: true,
  schema: z.strictObject({
    project_id: z
      .string()
      .regex(/^[a-z][a-z0-9.:-]{3,}$/, 'is no project id')
      .describe('The project that is charged.'),
    project_number: z.string().regex(/^\d+$/, 'is made of digits').optional().describe('Of the project, for tuned models.'),
    region: z
      .string()
      .regex(/^(global|us|eu|[a-z]+-[a-z]+\d{1,2})$/, 'is no Google Cloud region, such as us-central1, global, us or eu')
      .describe('Where the models are.'),
    auth_credentials: googleAccount()
      .optional()
      .describe('A service account, as JSON or the path of its file; without it the usual places of Google Cloud are asked.'),
  }),
}

const shared = {
  auth: 'google',
  keyless: 'value',
  keyBaseUrl: (key: KeySettings | undefined) => hostOf(key),
  apiVersion: 'v1',
} as const

/** Claude on Vertex: the version stands in the body, the model in the path alone. https://docs.claude.com/en/api/claude-on-vertex-ai */
const claudeOnVertex = defineProvider({
  ...shared,
  name: 'vertex-claude',
  format: 'anthropic-messages',
  paths: { chat_completion: (facts) => publisherPath('anthropic', facts) },
  betas: claudeBetas('vertex'),
  quirks: { drop: ['model'], defaults: { anthropic_version: 'vertex-2023-10-16' } },
  defaultMaxOutputTokens: 4096,
})

/** Mistral's models on Vertex, in their own dialect. https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral */
const mistralOnVertex = defineProvider({
  ...shared,
  name: 'vertex-mistral',
  format: 'openai-chat',
  paths: { chat_completion: (facts) => publisherPath('mistralai', facts) },
  quirks: mistralQuirks,
})

/** Vertex AI. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference */
export const vertex = defineProvider({
  ...shared,
  name: 'vertex',
  format: 'gemini',
  keyConfig,
  formats: { embedding: 'vertex-embed' },
  paths: {
    chat_completion: geminiPath,
    list_models: () => '/v1beta1/publishers/google/models?pageSize=1000',
    embedding: (facts) => googlePath('predict', facts),
  },
  variant(model) {
    if (/^claude/i.test(model)) return claudeOnVertex
    return /^(mistral|codestral|ministral|magistral)/i.test(model) ? mistralOnVertex : undefined
  },
  modelIds: (body) => namesOf(body, 'publisherModels').map((name) => name.replace(/^publishers\/[^/]+\/models\//, '')),
})

/** `global` and the multi-regions have hosts of their own form. */
function hostOf(key: KeySettings | undefined): string | undefined {
  const region = key?.config.region
  if (typeof region !== 'string') return undefined
  if (region === 'global') return 'https://aiplatform.googleapis.com'
  return region === 'us' || region === 'eu'
    ? `https://aiplatform.${region}.rep.googleapis.com`
    : `https://${region}-aiplatform.googleapis.com`
}

function geminiPath(facts: PathFacts): string {
  return googlePath(geminiMethod(facts.isStream), facts)
}

/** A tuned model is an endpoint of the project, named by digits. */
function googlePath(method: string, { model, key }: PathFacts): string {
  const isTuned = /^\d+$/.test(model)
  const project = isTuned ? (key?.config.project_number ?? key?.config.project_id) : key?.config.project_id
  const place = isTuned ? `endpoints/${model}` : `publishers/google/models/${encodeURIComponent(model)}`
  return `${locationPath(String(project), key)}/${place}:${method}`
}

function publisherPath(publisher: string, { model, isStream, key }: PathFacts): string {
  const method = isStream ? 'streamRawPredict' : 'rawPredict'
  return `${locationPath(String(key?.config.project_id), key)}/publishers/${publisher}/models/${encodeURIComponent(model)}:${method}`
}

function locationPath(project: string, key: KeySettings | undefined): string {
  return `/v1/projects/${project}/locations/${String(key?.config.region)}`
}
