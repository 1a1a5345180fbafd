import { inOnePiece } from './text.ts'

/** What `extra_fields` says of one answer (api.md 1.3). */
export interface ExtraFacts {
  requestType: string
  provider: string
  originalModel: string
  resolvedModel: string
  /** Names of parameters that were left out for this provider. */
  dropped?: readonly string[] | undefined
  /** The body that went to the provider, when asked for. */
  rawRequest?: string | undefined
}

/** Writes `extra_fields` into answers as text: the constant facts are rendered once, latency and chunk number per use. */
export class ExtraFields {
  /** The member up to its latency. */
  readonly #opening: string
  /** The member of an event up to its number, where no time has passed: all events of a read but the first. */
  #readOpening: string | undefined
  readonly #startedAt: number
  readonly #rawRequest: string
  #chunkIndex = 0
  #lastAt: number

  /** `startedAt`: milliseconds of the gateway's clock. */
  constructor(facts: ExtraFacts, startedAt: number) {
    const { requestType, provider, originalModel, resolvedModel, dropped } = facts
    const models = `"original_model_requested":${quoted(originalModel)},"resolved_model_used":${quoted(resolvedModel)}`
    const left = dropped && dropped.length > 0 ? `,"dropped_compat_plugin_params":${JSON.stringify(dropped)}` : ''
    this.#opening = `"extra_fields":{"request_type":"${requestType}","provider":${quoted(provider)},${models}${left},"latency":`
    this.#rawRequest = facts.rawRequest === undefined ? '' : `,"raw_request":${oneLine(facts.rawRequest)}`
    this.#startedAt = startedAt
    this.#lastAt = startedAt
  }

  /** The member for a whole answer. `raw` is the provider's body, when asked for. */
  whole(now: number, raw?: string): string {
    return `${this.#opening}${elapsed(this.#startedAt, now)}${this.#rawRequest}${rawResponse(raw)}}`
  }

  /** The member for one event of a stream, behind a comma. Its latency is the time since the one before; the last one's is the total. */
  chunk(now: number, options: { isLast: boolean; raw?: string | undefined }): string {
    const latency = elapsed(options.isLast ? this.#startedAt : this.#lastAt, now)
    const rawRequest = this.#chunkIndex === 0 ? this.#rawRequest : ''
    this.#lastAt = now
    return `${this.#chunkOpening(latency)}${this.#chunkIndex++}${rawRequest}${rawResponse(options.raw)}}`
  }

  #chunkOpening(latency: number): string {
    if (latency !== 0) return `,${this.#opening}${latency},"chunk_index":`
    this.#readOpening ??= inOnePiece(`,${this.#opening}0,"chunk_index":`)
    return this.#readOpening
  }

  /** Counts an event that carries no member. */
  skip(now: number): void {
    this.#chunkIndex++
    this.#lastAt = now
  }
}

/** Puts a member before the last `}` of an object's text. Texts that are no object come back as they are. */
export function spliceMember(text: string, member: string): string {
  const close = text.lastIndexOf('}')
  if (close < 0) return text
  const isEmpty = text.charCodeAt(close - 1) === 0x7b
  return `${text.slice(0, close)}${isEmpty ? '' : ','}${member}${text.slice(close)}`
}

const PLAIN_NAME = /^[\w.:/@ -]*$/

/** A name as JSON; three of them a request are a hundredth of its cost if each is left to JSON.stringify. */
function quoted(name: string): string {
  return PLAIN_NAME.test(name) ? `"${name}"` : JSON.stringify(name)
}

function elapsed(from: number, now: number): number {
  return Math.max(0, Math.round(now - from))
}

function rawResponse(raw: string | undefined): string {
  return raw === undefined ? '' : `,"raw_response":${oneLine(raw)}`
}

/** JSON laid out over lines would end the event that it is put into; a line break never stands inside a JSON string. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, ' ') : json
}
