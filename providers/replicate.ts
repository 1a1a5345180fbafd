import { z } from 'zod'
import { isObject, type JsonObject } from '../core/canonical/json.ts'
import { defineProvider, type NextStep, type PathFacts } from '../core/provider.ts'

/** How often an unfinished prediction is looked at, in milliseconds. */
const POLL_MS = 2_000
const UNFINISHED = new Set<unknown>(['starting', 'processing', 'queued'])
const VERSION = /^[0-9a-f]{64}$|:[0-9a-f]{64}$/

/** Replicate: a chat is a prediction that is asked for, and looked at until it is done. https://replicate.com/docs/reference/http */
export const replicate = defineProvider({
  name: 'replicate',
  format: 'replicate',
  baseUrl: 'https://api.replicate.com',
  auth: 'bearer',
  isBase: true,
  paths: { chat_completion: predictionPath, list_models: '/v1/deployments' },
  keyConfig: { name: 'replicate_key_config', schema: z.strictObject({ use_deployments_endpoint: z.boolean().optional() }) },
  // `Prefer: wait`: an answer at once where it is ready within a minute.
  clientHeaders: ['prefer'],
  follow,
  // Streams have hosts of their own.
  hosts: ['.replicate.com', '.replicate.net', '.r8.net'],
  modelIds,
  nextModels: (body) => (isObject(body) && typeof body.next === 'string' && body.next !== '' ? body.next : undefined),
})

/** `owner/name` is a model, or a deployment where the key or the name says so; a version goes to no model's path. */
function predictionPath({ model, key }: PathFacts): string {
  if (VERSION.test(model)) return '/v1/predictions'
  const isDeployment = model.startsWith('deployments/') || key?.config.use_deployments_endpoint === true
  const name = model
    .replace(/^deployments\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
  return `/v1/${isDeployment ? 'deployments' : 'models'}/${name}/predictions`
}

/** A stream where the model has one; else its state again, until it has come to an end. */
function follow({ status, urls }: JsonObject, wantsStream: boolean): NextStep | undefined {
  if (!isObject(urls)) return undefined
  const cancel = typeof urls.cancel === 'string' ? { cancelUrl: urls.cancel } : {}
  if (!UNFINISHED.has(status)) return undefined
  if (wantsStream && typeof urls.stream === 'string') {
    // Its events count no tokens; the prediction does, once it is done.
    const tail = typeof urls.get === 'string' ? { tail: { url: urls.get, before: 'done', as: 'prediction' } } : {}
    return { url: urls.stream, isStream: true, ...tail, ...cancel }
  }
  return typeof urls.get === 'string' ? { url: urls.get, afterMs: POLL_MS, ...cancel } : undefined
}

function modelIds(body: unknown): string[] {
  const listed = isObject(body) && Array.isArray(body.results) ? body.results : []
  return listed.filter(isObject).map(({ owner, name }) => `deployments/${String(owner)}/${String(name)}`)
}
