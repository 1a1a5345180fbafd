import { z } from 'zod'
import { upstreamUrl } from '../core/config/values.ts'
import { defineProvider, type PathFacts } from '../core/provider.ts'
import { claudeBetas } from './formats/shared/claude-betas.ts'
import { openaiQuirks } from './openai.ts'

const keyConfig = {
  name: 'azure_key_config',
  isRequired: true,
  schema: z.strictObject({
    endpoint: upstreamUrl().describe('The resource: https://NAME.openai.azure.com.'),
    api_version: z
      .string()
      .min(1)
      .optional()
      .describe('A dated version takes the older paths by deployment; without one the v1 API is used.'),
    client_id: z.string().min(1).optional().describe('Entra application; with client_secret and tenant_id it signs in instead of the key.'),
    client_secret: z.string().min(1).optional(),
    tenant_id: z.string().min(1).optional(),
    scopes: z.array(z.string().min(1)).min(1).optional().describe('Scopes of the Entra token.'),
  }),
}

/** Claude in Azure AI Foundry: Anthropic's own API below the resource. https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude */
const claudeOnAzure = defineProvider({
  name: 'azure-claude',
  format: 'anthropic-messages',
  auth: 'entra-x-api-key',
  keyBaseUrl: (key) => endpointOf(key?.config.endpoint),
  keyless: 'value',
  paths: { chat_completion: '/anthropic/v1/messages' },
  headers: { 'anthropic-version': '2023-06-01' },
  betas: claudeBetas('azure'),
  defaultMaxOutputTokens: 4096,
})

/** Azure OpenAI; the model is the deployment's name. https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle */
export const azure = defineProvider({
  name: 'azure',
  format: 'openai-chat',
  auth: 'entra',
  keyBaseUrl: (key) => endpointOf(key?.config.endpoint),
  keyConfig,
  keyless: 'value',
  formats: { text_completion: 'openai-completions', responses: 'openai-responses', embedding: 'openai-embeddings' },
  paths: {
    chat_completion: chatPath,
    text_completion: textPath,
    responses: responsesPath,
    list_models: listPath,
    embedding: (facts) => deploymentPath('embeddings', facts),
  },
  variant: (model) => (/^claude/i.test(model) ? claudeOnAzure : undefined),
  quirks: openaiQuirks,
})

function chatPath(facts: PathFacts): string {
  return deploymentPath('chat/completions', facts)
}

function textPath(facts: PathFacts): string {
  return deploymentPath('completions', facts)
}

/** A dated version has no v1 API: there the deployment stands in the path. */
function deploymentPath(method: string, { model, key }: PathFacts): string {
  const version = versionOf(key)
  if (!isDated(version)) return `/openai/v1/${method}${queryOf(version)}`
  return `/openai/deployments/${encodeURIComponent(model)}/${method}${queryOf(version)}`
}

/** The one method whose body names the deployment in dated versions too. */
function responsesPath({ key }: PathFacts): string {
  const version = versionOf(key)
  return `${isDated(version) ? '/openai/responses' : '/openai/v1/responses'}${queryOf(version)}`
}

function listPath({ key }: PathFacts): string {
  const version = versionOf(key)
  return `${isDated(version) ? '/openai/models' : '/openai/v1/models'}${queryOf(version)}`
}

function versionOf(key: PathFacts['key']): string | undefined {
  return key?.config.api_version as string | undefined
}

function isDated(version: string | undefined): version is string {
  return version !== undefined && /^\d{4}-/.test(version)
}

function queryOf(version: string | undefined): string {
  return version === undefined ? '' : `?api-version=${encodeURIComponent(version)}`
}

/** People write the endpoint with and without the path that the API adds. */
function endpointOf(endpoint: unknown): string | undefined {
  return typeof endpoint === 'string' ? endpoint.replace(/\/+$/, '').replace(/\/openai(\/v1)?$/, '') : undefined
}
