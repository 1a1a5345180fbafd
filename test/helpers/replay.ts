import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Random } from './random.ts'
import type { Recording } from './recordings.ts'

/** A provider that answers with recordings. */
export interface Replay {
  url: string
  port: number
  close(): Promise<void>
}

/** The model that names a recording; `isSplit`: a streamed one comes in random pieces. */
export function modelOf(index: number, isSplit: boolean): string {
  return `recording-${index}${isSplit ? '-split' : ''}`
}

/** Starts a provider that answers any request with the recording that its model names, wherever the dialect says the model. */
export async function startReplay(recordings: readonly Recording[]): Promise<Replay> {
  const server = createServer((request, response) => void answer(request, response, recordings))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, recordings: readonly Recording[]): Promise<void> {
  let asked = request.url ?? ''
  for await (const chunk of request) asked += chunk
  const [, index, split] = /recording-(\d+)(-split)?/.exec(asked) ?? []
  const recording = recordings[Number(index)]
  if (!recording) return void response.writeHead(404).end()
  const { status, contentType, bytes, isStream } = recording
  response.writeHead(status, { 'content-type': contentType, ...(!isStream && { 'content-length': bytes.length }) })
  if (split) for (const piece of pieces(bytes, Number(index))) await written(response, piece)
  response.end(split ? undefined : bytes)
}

/** Some dozens, always the same for one recording, cut anywhere. */
function* pieces(bytes: Buffer, seed: number): Generator<Buffer> {
  const random = new Random(seed)
  const most = Math.max(40, bytes.length / 20)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(random.next() * most)
    yield bytes.subarray(at, end)
    at = end
  }
}

/** In a turn of its own, so that it is read by itself. */
function written(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => response.write(piece, () => setImmediate(resolve)))
}
