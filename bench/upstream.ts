import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startUpstream } from './upstream/server.ts'

export { MODEL_NAMES } from './upstream/catalogue.ts'
export type { SeenRequest, SeenSocket } from './upstream/record.ts'
export type { Ending } from './upstream/script.ts'
export { FakeUpstream, startUpstream, type UpstreamOptions } from './upstream/server.ts'

/** `node bench/upstream.ts --port N`: listens until it is ended, and says where. A parent with a channel is told by message. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4010' }, host: { type: 'string', default: '127.0.0.1' } } })
  const upstream = await startUpstream({ port: Number(values.port), host: values.host, isRecording: false })
  process.stdout.write(`fake provider on ${upstream.url}/v1\n`)
  process.send?.({ port: upstream.port })
  process.on('disconnect', () => process.exit(0))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
