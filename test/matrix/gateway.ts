import type { JsonObject } from '../../core/canonical/json.ts'
import { startHttp2Bridge } from '../../transports/http2.ts'
import { createGateway, type TestGateway } from '../../transports/testing.ts'
import { type FakeUpstream, startUpstream } from '../helpers/upstream.ts'
import { PROVIDERS } from './cases.ts'
import type { Places } from './client.ts'

/** A gateway before a fake provider that speaks every format. */
export interface MatrixGateway extends Places {
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
  const bridge = await startHttp2Bridge({ hosts: ['127.0.0.1'], port: 0, target: { host: '127.0.0.1', port: gateway.port } })
  return {
    url: gateway.url,
    http2Url: `http://127.0.0.1:${bridge.port}`,
    upstream,
    gateway,
    async close() {
      await bridge.close()
      await gateway.close()
      await upstream.close()
    },
  }
}
