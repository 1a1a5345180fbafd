import type { Context } from '../../core/context.ts'
import type { Edge, Incoming } from '../../core/edge.ts'
import type { BodySink } from './body.ts'
import type { HttpReply } from './reply.ts'

/** One request between its head and its body: what the head led to, and where the answer goes. */
export class Exchange implements BodySink {
  readonly #edge: Edge
  readonly #reply: HttpReply
  readonly #incoming: Incoming
  /** Set when the head passed; else the head was refused, or the transport itself answers. */
  context: Context | undefined
  /** The transport's own answer (OPTIONS). */
  answer: (() => void) | undefined

  constructor(edge: Edge, reply: HttpReply, incoming: Incoming) {
    this.#edge = edge
    this.#reply = reply
    this.#incoming = incoming
  }

  onBody(body: Buffer): void {
    try {
      if (this.context !== undefined) this.#edge.handle(this.context, body, this.#reply)
      else this.answer?.()
    } catch (error) {
      this.onRefusal(error)
    }
  }

  /** An exception that left a native callback would end the process. */
  onRefusal(error: unknown): void {
    try {
      this.#edge.refuse(error, this.#reply, this.#incoming)
    } catch {
      this.#reply.destroy()
    }
  }
}
