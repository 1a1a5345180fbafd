import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime'
import { GoogleGenAI } from '@google/genai'
import { CohereClientV2 } from 'cohere-ai'
import OpenAI from 'openai'
import type { JsonObject } from '../../core/canonical/json.ts'
import { startHttp2Bridge } from '../../transports/http2.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, type SeenRequest, startUpstream } from '../helpers/upstream.ts'

/** A gateway before a fake provider, with a client of each vendor that has operations besides chat. */
export interface OperationsGateway {
  upstream: FakeUpstream
  gateway: TestGateway
  openai: OpenAI
  azure: OpenAI
  cohere: CohereClientV2
  google: GoogleGenAI
  aws: BedrockRuntimeClient
  /** What the provider was sent last. */
  last(): SeenRequest
  post(path: string, body: unknown): Promise<{ status: number; body: JsonObject; headers: Headers }>
  close(): Promise<void>
}

const URLS = ['vllm', 'ollama', 'sgl']
const CONFIGS: Readonly<Record<string, JsonObject>> = {
  vertex: { vertex_key_config: { project_id: 'my-project', region: 'us-central1' } },
  azure: { azure_key_config: { endpoint: 'https://name.openai.azure.com' } },
}

/** Starts all of them. `names`: the providers that are configured. */
export async function startOperations(names: readonly string[]): Promise<OperationsGateway> {
  const upstream = await startUpstream()
  const block = (name: string): JsonObject => {
    const url: JsonObject = URLS.includes(name)
      ? { [`${name}_key_config`]: { url: upstream.url, ...(name === 'vllm' && { model_name: 'small' }) } }
      : {}
    const key = { name: `${name}-main`, value: 'sk-provider', models: ['*'], ...CONFIGS[name], ...url }
    const network: JsonObject = {
      max_retries: 0,
      default_request_timeout_in_seconds: 5,
      ...(!URLS.includes(name) && { base_url: upstream.url }),
    }
    return { keys: [key], network_config: network }
  }
  const gateway = await createGateway({ config: { providers: Object.fromEntries(names.map((name) => [name, block(name)])) } })
  const bridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: gateway.port } })
  const aws = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${bridge.port}/bedrock`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
  return {
    upstream,
    gateway,
    openai: new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/v1`, maxRetries: 0 }),
    azure: new OpenAI({ apiKey: 'x', baseURL: `${gateway.url}/openai/openai/deployments/small`, maxRetries: 0 }),
    cohere: new CohereClientV2({ token: 'x', environment: `${gateway.url}/cohere`, maxRetries: 0 }),
    google: new GoogleGenAI({ apiKey: 'x', httpOptions: { baseUrl: `${gateway.url}/genai` } }),
    aws,
    last: () => upstream.requests.at(-1) as SeenRequest,
    async post(path, body) {
      const response = await gateway.fetch(path, typeof body === 'string' ? body : JSON.stringify(body))
      return { status: response.status, body: (await response.json()) as JsonObject, headers: response.headers }
    },
    async close() {
      aws.destroy()
      await bridge.close()
      await gateway.close()
      await upstream.close()
    },
  }
}
