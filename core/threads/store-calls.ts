import { type ConfigStore, type KeyValueStore, type LogStore, type Notices, StoreError } from '../stores/stores.ts'
import type { OpenStores, StoreKind, StoreNotice, StoreReply, StoreRequest } from './store-messages.ts'

/** Calls that may wait for the store thread at once; more are refused. */
const MOST_PENDING = 1024
/** Longest a call may take, in milliseconds. */
const PATIENCE_MS = 10_000
/** Subscriptions at once. */
const MOST_SUBSCRIPTIONS = 100

/** The main thread's way to the stores: every call crosses as plain data and settles within 10 s. */
export interface StoreCalls extends OpenStores {
  /** The store thread's answer has come. */
  settle(reply: StoreReply): void
  /** The store thread has heard something. */
  notice(notice: StoreNotice): void
  /** The store thread is gone: what waits is rejected as `unavailable`. */
  lost(): void
  /** Another one is there: subscriptions are made again, and told that they may have missed something. */
  renew(): void
}

/** What the calls go through. */
export interface StoreCallsOptions {
  /** Sends a call to the store thread; false: there is none at the moment. Throws where the arguments cannot be cloned. */
  post(request: StoreRequest): boolean
  patienceMs?: number | undefined
}

interface Waiter {
  resolve(value: unknown): void
  reject(error: StoreError): void
  timer: NodeJS.Timeout
}

interface Subscription {
  channel: string
  onNotice(text: string): void
  onGap(): void
}

/** Makes the stores of the main thread. Closing one of them does nothing: they end with the store thread. */
export function createStoreCalls({ post, patienceMs = PATIENCE_MS }: StoreCallsOptions): StoreCalls {
  const pending = new Map<number, Waiter>()
  const subscriptions = new Map<number, Subscription>()
  let lastId = 0

  function ask(store: StoreKind, method: string, args: readonly unknown[]): Promise<unknown> {
    if (pending.size >= MOST_PENDING) return Promise.reject(unavailable('too many calls wait for the store'))
    const id = ++lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => take(id)?.reject(unavailable(`the store did not answer within ${patienceMs} ms`)), patienceMs)
      pending.set(id, { resolve, reject, timer })
      try {
        if (!post({ id, store, method, args })) take(id)?.reject(unavailable('the store thread is being started again'))
      } catch (cause) {
        take(id)?.reject(new StoreError('corrupt', 'the arguments cannot be sent to the store thread', { cause }))
      }
    })
  }

  function take(id: number): Waiter | undefined {
    const waiter = pending.get(id)
    pending.delete(id)
    clearTimeout(waiter?.timer)
    return waiter
  }

  return {
    config: configStub((method, ...args) => ask('config', method, args)),
    logs: logsStub((method, ...args) => ask('logs', method, args)),
    keyValue: keyValueStub((method, ...args) => ask('keyValue', method, args)),
    notices: noticesStub((method, ...args) => ask('notices', method, args), subscriptions),
    settle({ id, value, error }) {
      const waiter = take(id)
      if (error) waiter?.reject(new StoreError(error.fault, error.message, { field: error.field }))
      else waiter?.resolve(value)
    },
    notice({ subscription, text }) {
      const listener = subscriptions.get(subscription)
      if (text === undefined) listener?.onGap()
      else listener?.onNotice(text)
    },
    lost() {
      for (const id of [...pending.keys()]) take(id)?.reject(unavailable('the store thread has ended'))
    },
    renew() {
      for (const [id, { channel, onGap }] of subscriptions) {
        // Where this fails too, the thread is lost again and this is called again.
        ask('notices', 'subscribe', [channel, id]).then(onGap, () => {})
      }
    },
  }
}

type Ask<Store> = (method: keyof Store & string, ...args: unknown[]) => Promise<unknown>

function configStub(ask: Ask<ConfigStore>): ConfigStore {
  return {
    readPage: (after, limit) => ask('readPage', after, limit) as ReturnType<ConfigStore['readPage']>,
    read: (collection, id) => ask('read', collection, id) as ReturnType<ConfigStore['read']>,
    write: (collection, id, body, expected) => ask('write', collection, id, body, expected) as ReturnType<ConfigStore['write']>,
    remove: (collection, id, expected) => ask('remove', collection, id, expected) as ReturnType<ConfigStore['remove']>,
    changesSince: (change) => ask('changesSince', change) as ReturnType<ConfigStore['changesSince']>,
    latestChange: () => ask('latestChange') as Promise<number>,
    oldestChange: () => ask('oldestChange') as Promise<number>,
    ping: () => ask('ping') as Promise<void>,
    close: async () => {},
  }
}

function logsStub(ask: Ask<LogStore>): LogStore {
  return {
    append: (records) => ask('append', records) as Promise<void>,
    find: (query) => ask('find', query) as ReturnType<LogStore['find']>,
    get: (id) => ask('get', id) as ReturnType<LogStore['get']>,
    summarize: (query) => ask('summarize', query) as ReturnType<LogStore['summarize']>,
    remove: (ids) => ask('remove', ids) as Promise<void>,
    sweep: (before, most) => ask('sweep', before, most) as Promise<number>,
    ping: () => ask('ping') as Promise<void>,
    close: async () => {},
  }
}

function keyValueStub(ask: Ask<KeyValueStore>): KeyValueStore {
  return {
    get: (key) => ask('get', key) as Promise<string | undefined>,
    set: (key, value, ttlMs) => ask('set', key, value, ttlMs) as Promise<void>,
    setIfAbsent: (key, value, ttlMs) => ask('setIfAbsent', key, value, ttlMs) as Promise<boolean>,
    exchange: (key, current, next, ttlMs) => ask('exchange', key, current, next, ttlMs) as Promise<boolean>,
    add: (key, amount, ttlMs) => ask('add', key, amount, ttlMs) as Promise<number>,
    delete: (key) => ask('delete', key) as Promise<void>,
    ping: () => ask('ping') as Promise<void>,
    close: async () => {},
  }
}

function noticesStub(ask: (method: string, ...args: unknown[]) => Promise<unknown>, subscriptions: Map<number, Subscription>): Notices {
  let lastSubscription = 0
  return {
    publish: (channel, text) => ask('publish', channel, text) as Promise<void>,
    async subscribe(channel, onNotice, onGap) {
      if (subscriptions.size >= MOST_SUBSCRIPTIONS) throw unavailable('too many listen already')
      const id = ++lastSubscription
      subscriptions.set(id, { channel, onNotice, onGap })
      try {
        await ask('subscribe', channel, id)
      } catch (error) {
        subscriptions.delete(id)
        throw error
      }
      return () => {
        if (subscriptions.delete(id)) ask('unsubscribe', id).catch(() => {})
      }
    },
    close: async () => {},
  }
}

function unavailable(sentence: string): StoreError {
  return new StoreError('unavailable', sentence)
}
