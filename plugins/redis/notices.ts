import { type Notices, StoreError } from '../../core/stores/stores.ts'
import type { Link } from './link.ts'

/** Listeners at once. */
const MOST_LISTENERS = 10_000

interface Listener {
  onNotice(text: string): void
  onGap(): void
}

/** Notices by Redis's publish and subscribe; a connection that listens can do nothing else, so there are two. */
export class RedisNotices implements Notices {
  readonly #publisher: Link
  readonly #subscriber: Link
  readonly #prefix: string
  readonly #listeners = new Map<string, Set<Listener>>()
  #count = 0

  constructor({ publisher, subscriber, prefix }: { publisher: Link; subscriber: Link; prefix: string }) {
    this.#publisher = publisher
    this.#subscriber = subscriber
    this.#prefix = `${prefix}notice:`
    subscriber.client.on('message', (channel: string, text: string) => {
      for (const { onNotice } of [...(this.#listeners.get(channel) ?? [])]) onNotice(text)
    })
    subscriber.onReady((isAgain) => isAgain && void this.#listenAgain())
  }

  async publish(channel: string, text: string): Promise<void> {
    await this.#publisher.run((client) => client.publish(this.#prefix + channel, text))
  }

  async subscribe(channel: string, onNotice: (text: string) => void, onGap: () => void): Promise<() => void> {
    if (this.#count >= MOST_LISTENERS) throw new StoreError('unavailable', 'too many listen already')
    const name = this.#prefix + channel
    const listener = { onNotice, onGap }
    const all = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, all.add(listener))
    this.#count++
    const end = () => {
      if (!all.delete(listener)) return
      this.#count--
      if (all.size > 0) return
      this.#listeners.delete(name)
      this.#subscriber.run((client) => client.unsubscribe(name)).catch(() => {})
    }
    try {
      await this.#subscriber.run((client) => client.subscribe(name))
    } catch (error) {
      end()
      throw error
    }
    return end
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#publisher.close()
    this.#subscriber.close()
  }

  /** The gap ends when the channels are listened to again: what came before was missed. */
  async #listenAgain(): Promise<void> {
    const names = [...this.#listeners.keys()]
    try {
      if (names.length > 0) await this.#subscriber.run((client) => client.subscribe(...names))
    } catch {
      // Lost once more: the next connection comes through here again.
      return
    }
    for (const listeners of this.#listeners.values()) for (const { onGap } of [...listeners]) onGap()
  }
}
