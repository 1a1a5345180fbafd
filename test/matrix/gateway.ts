import type { JsonObject } from '../../core/canonical/json.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'
import { PROVIDERS } from './cases.ts'

/** A gateway before a fake provider that speaks every format. */
export interface MatrixGateway {
  url: string
  upstream: FakeUpstream
  gateway: TestGateway
  close(): Promise<void>
}

/** Starts both. */
export async function startMatrixGateway(): Promise<MatrixGateway> {
  const upstream = await startUpstream()
  const block = (name: string): JsonObject => ({
    keys: [{ name: `${name}-main`, value: 'sk-provider', models: ['*'] }],
    network_config: { base_url: upstream.url },
  })
  const gateway = await createGateway({ config: { providers: Object.fromEntries(PROVIDERS.map((name) => [name, block(name)])) } })
  return {
    url: gateway.url,
    upstream,
    gateway,
    async close() {
      await gateway.close()
      await upstream.close()
    },
  }
}
