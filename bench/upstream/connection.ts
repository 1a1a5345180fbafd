import type { Socket } from 'node:net'
import { type Ask, refused, type UpstreamState } from './answers.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { bedrockConverse } from './bedrock-converse.ts'
import { bedrockInvoke } from './bedrock-invoke.ts'
import { benchSteps, MODEL_NAMES, stepsFor } from './catalogue.ts'
import { cohereChat } from './cohere-chat.ts'
import type { Dialect } from './dialect.ts'
import { keyAnswer } from './faults-status.ts'
import { gemini } from './gemini.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiCompletions } from './openai-completions.ts'
import { openaiResponses } from './openai-responses.ts'
import { operationAt } from './operations.ts'
import { keyOf, type SeenRequest } from './record.ts'
import { problemOf } from './request-body.ts'
import { type RequestHead, RequestReader } from './request-reader.ts'
import { type Ending, ScriptRun, type Step } from './script.ts'
import { JSON_TYPE, whole } from './wire.ts'

/** What a connection needs of its server. */
export interface ConnectionHost {
  state: UpstreamState
  /** Scripts of benchmark models by what their answer depends on. */
  quick: Map<string, readonly Step[]>
  /** Undefined where requests are not recorded. */
  record(head: RequestHead, body: Buffer): SeenRequest | undefined
}

const MODEL_FIRST = '{"model":"'
/** A larger body is no benchmark's. */
const MAX_QUICK_BYTES = 16 * 1024
const SPECIAL_KEY = /(?:dead|busy)-/

/** One client connection: reads requests, answers them one after the other. */
export class Connection {
  readonly #socket: Socket
  readonly #host: ConnectionHost
  readonly #waiting: [RequestHead, Buffer][] = []
  #run: ScriptRun | undefined
  #request: SeenRequest | undefined
  #served = 0
  #isEarly = false

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket
    this.#host = host
    const reader = new RequestReader({
      onHead: (head) => this.#onHead(head),
      onRequest: (head, body) => this.#onRequest(head, body),
      onBad: (reason) => socket.end(whole(400, [JSON_TYPE], JSON.stringify({ error: { message: reason } }))),
    })
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#onClose())
  }

  /** `/early/...` is refused before its body has arrived, as providers do with a body that is too large. */
  #onHead(head: RequestHead): void {
    this.#isEarly = head.path.startsWith('/early/')
    if (this.#isEarly) this.#socket.write(whole(413, [JSON_TYPE], openaiChat.error(413, 'Request too large')))
  }

  #onRequest(head: RequestHead, body: Buffer): void {
    if (this.#run === undefined) this.#answer(head, body)
    else this.#waiting.push([head, body])
  }

  #answer(head: RequestHead, body: Buffer): void {
    this.#request = this.#host.record(head, body)
    const steps = this.#isEarly ? [] : (quickSteps(this.#host, head, body) ?? slowSteps(this.#askOf(head, body), head))
    this.#served += 1
    this.#run = new ScriptRun(this.#socket, steps, this.#host.state.gates, (ending) => this.#onEnd(ending))
    this.#run.next()
  }

  #onEnd(ending: Ending): void {
    this.#run = undefined
    this.#request?.end(ending)
    this.#request = undefined
    const next = this.#waiting.shift()
    if (next !== undefined) this.#answer(...next)
  }

  #onClose(): void {
    this.#run?.stop()
    this.#run = undefined
    this.#request?.end('closed-by-client')
    this.#request = undefined
  }

  #askOf(head: RequestHead, body: Buffer): Ask {
    const parsed = parse(body)
    const options = parsed?.stream_options as { include_usage?: unknown } | undefined
    return {
      dialect: dialectOf(head),
      model: modelIn(head.path) ?? String(parsed?.model ?? ''),
      isStream: parsed?.stream === true || STREAM_PATH.test(head.path),
      includeUsage: options?.include_usage === true,
      key: keyOf(head.text),
      headText: head.text,
      body: parsed,
      served: this.#served,
      state: this.#host.state,
    }
  }
}

function slowSteps(ask: Ask, head: RequestHead): readonly Step[] {
  if (head.method === 'GET' && MODELS_PATH.test(head.path.replace(/\?.*$/, '')))
    return keyAnswer(ask) ?? [{ write: whole(200, [JSON_TYPE], ask.dialect.models(MODEL_NAMES)) }]
  const isServed = CHAT_PATH.test(head.path) || operationAt(head.path) !== undefined
  if (head.method !== 'POST' || !isServed) return refused(ask, 404, `Unknown path ${head.path}`)
  const problem = problemOf(ask)
  return problem === undefined ? stepsFor(ask) : refused(ask, 400, problem)
}

/**
 * A benchmark's request is told by its first bytes, so that the provider costs a fraction of what is measured: no
 * JSON.parse, no header is looked at. `"stream":true` cannot stand unescaped inside a JSON string.
 */
function quickSteps(host: ConnectionHost, head: RequestHead, body: Buffer): readonly Step[] | undefined {
  if (body.length > MAX_QUICK_BYTES || SPECIAL_KEY.test(head.text)) return undefined
  const text = body.toString('latin1')
  const named = modelIn(head.path)
  if (named === undefined && !text.startsWith(MODEL_FIRST)) return undefined
  const model = named ?? text.slice(MODEL_FIRST.length, text.indexOf('"', MODEL_FIRST.length))
  const isStream = STREAM_PATH.test(head.path) || text.includes('"stream":true')
  const includeUsage = isStream && text.includes('"include_usage":true')
  const name = `${head.path} ${model} ${isStream} ${includeUsage}`
  const known = host.quick.get(name)
  if (known !== undefined) return known
  const facts = { dialect: dialectOf(head), model, isStream, includeUsage, key: '', headText: '', body: undefined, served: 0 }
  const steps = benchSteps({ ...facts, state: host.state })
  if (steps !== undefined) host.quick.set(name, steps)
  return steps
}

const CHAT_PATH =
  /\/(?:completions|responses|messages|v2\/chat|converse(?:-stream)?|invoke(?:-with-response-stream)?)$|:(?:streamGenerateContent|generateContent|streamRawPredict|rawPredict)$/
const MODELS_PATH = /\/(?:models|foundation-models)$/
const STREAM_PATH = /\/converse-stream$|\/invoke-with-response-stream$|:streamGenerateContent$/

/** The model where the path names it: Gemini, Vertex and Bedrock. */
function modelIn(path: string): string | undefined {
  const found =
    /\/models?\/([^/]+?)(?::(?:stream)?(?:G|g)enerateContent|:(?:streamR|r)awPredict|\/converse(?:-stream)?|:[a-zA-Z]+|\/invoke(?:-with-response-stream)?|\/count-tokens)$/.exec(
      path,
    )
  return found?.[1] && decodeURIComponent(found[1])
}

function dialectOf(head: RequestHead): Dialect {
  const operation = operationAt(head.path)
  if (operation) return operation
  if (/:(?:streamG|g)enerateContent$|\/v1beta\d?\//.test(head.path)) return gemini
  if (/\/converse(?:-stream)?$|\/foundation-models$/.test(head.path)) return bedrockConverse
  if (/\/invoke(?:-with-response-stream)?$/.test(head.path)) return bedrockInvoke
  if (head.path.endsWith('/v2/chat')) return cohereChat
  if (head.path.endsWith('/v1/responses')) return openaiResponses
  if (/(?<!chat)\/completions$/.test(head.path)) return openaiCompletions
  if (head.path.includes('/publishers/anthropic/')) return anthropicMessages
  const isAnthropic = head.path.endsWith('/messages') || /\r\nanthropic-version:/i.test(head.text)
  return isAnthropic ? anthropicMessages : openaiChat
}

function parse(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
