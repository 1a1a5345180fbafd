import { afterAll, afterEach, beforeAll } from 'vitest'
import { dataFolder, type StoreGateway, storeGateway } from './store-gateway.ts'
import { type FakeUpstream, startUpstream } from './upstream.ts'

/** What the tests of a file share: a fake provider, and of each test its folder and its gateway, which end with it. */
export interface StoreSuite {
  upstream: FakeUpstream
  /** The test's folder. */
  folder: string
  /** Gives the test a folder with these files. */
  fill(files?: Record<string, object | string>): void
  /** Starts a gateway on the test's folder; the one before has been stopped. */
  start(options?: Parameters<typeof storeGateway>[1]): Promise<StoreGateway>
}

/** Sets a file of tests up. */
export function storeSuite(): StoreSuite {
  let gateway: StoreGateway | undefined
  let data: ReturnType<typeof dataFolder> | undefined
  const suite: StoreSuite = {
    upstream: undefined as unknown as FakeUpstream,
    folder: '',
    fill(files = {}) {
      data = dataFolder(files)
      suite.folder = data.folder
    },
    async start(options) {
      gateway = await storeGateway(suite.folder, options)
      return gateway
    },
  }
  beforeAll(async () => {
    suite.upstream = await startUpstream()
  })
  afterEach(async () => {
    await gateway?.end()
    data?.remove()
    ;[gateway, data] = [undefined, undefined]
  })
  afterAll(() => suite.upstream.close())
  return suite
}
