import type { JsonObject } from '../../core/canonical/json.ts'
import type { FaultBench, Way } from './faults.ts'

/** A stream under way, read in the background. */
export interface OpenStream {
  /** What has come so far. */
  readonly text: string
  /** All of it, once it has ended; rejects when it was cut. */
  rest(): Promise<string>
  /** The client goes. */
  leave(): void
}

/** Asks for a stream; resolves when its head has come and, with `wanted`, this text. */
export async function openStream(bench: FaultBench, way: Way, model: string, more: JsonObject = {}, wanted = ''): Promise<OpenStream> {
  const leaving = new AbortController()
  const body = { model: `${way.side}/${model}`, stream: true, messages: [{ role: 'user', content: 'hi' }], ...more }
  const response = await fetch(`${bench.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: leaving.signal,
  })
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
  const seen = Promise.withResolvers<void>()
  const state = { text: '' }
  const ended = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      state.text += next.value
      if (state.text.includes(wanted)) seen.resolve()
    }
    return state.text
  })()
  ended.catch(seen.reject)
  if (wanted !== '') await seen.promise
  else seen.promise.catch(() => {})
  return {
    get text() {
      return state.text
    },
    rest: () => ended,
    leave: () => leaving.abort(),
  }
}
