import { request } from 'node:http'

/** What came of one request: its status, or `broken` when the connection was lost. */
export type Result = number | 'broken'

/** Clients that ask one after the other, each request on a new connection. */
export interface Load {
  /** How many requests ended in each way. */
  readonly counts: ReadonlyMap<Result, number>
  /** Resolves when so many more were answered with 200. */
  more(count: number): Promise<void>
  /** Resolves when the last request has ended. */
  stop(): Promise<ReadonlyMap<Result, number>>
}

/** Asks once for a chat, on a connection of its own. */
export function askOnce(url: string, body: object, headers: Record<string, string> = {}): Promise<{ status: Result; text: string }> {
  return new Promise((resolve) => {
    const broken = () => resolve({ status: 'broken', text: '' })
    const asked = request(`${url}/v1/chat/completions`, { method: 'POST', agent: false, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 'broken', text }))
      response.on('error', broken)
    })
    asked.on('error', broken)
    asked.end(JSON.stringify({ messages: [{ role: 'user', content: 'Hello!' }], ...body }))
  })
}

/** Starts `clients` of them; every other request is streamed, where `model` does that. */
export function startLoad(url: string, model: string, clients: number): Load {
  const counts = new Map<Result, number>()
  const watchers = new Set<{ at: number; go: () => void }>()
  let isOver = false
  const good = () => counts.get(200) ?? 0
  const client = async () => {
    for (let turn = 0; !isOver; turn++) {
      const { status } = await askOnce(url, { model, stream: turn % 2 === 1 })
      counts.set(status, (counts.get(status) ?? 0) + 1)
      for (const watcher of watchers) {
        if (good() < watcher.at) continue
        watchers.delete(watcher)
        watcher.go()
      }
    }
  }
  const running = Array.from({ length: clients }, client)
  return {
    counts,
    more: (count) => new Promise((go) => watchers.add({ at: good() + count, go })),
    async stop() {
      isOver = true
      await Promise.all(running)
      return counts
    },
  }
}
