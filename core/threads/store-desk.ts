import { chooseDriver } from '../stores/choice.ts'
import { type Notices, type StoreContext, type StoreDriver, StoreError } from '../stores/stores.ts'
import type { ThreadLog } from './guard.ts'
import type { OpenStores, StoreKind, StoreNotice, StoreReply, StoreRequest, StoreSetup } from './store-messages.ts'

/** A store that could not be opened is tried again by the first call after this time, in milliseconds. */
const RETRY_MS = 1000

/** What a request may ask for; anything else is refused. */
const METHODS: { readonly [Kind in StoreKind]: readonly (keyof OpenStores[Kind])[] } = {
  config: ['readPage', 'read', 'write', 'remove', 'changesSince', 'latestChange', 'oldestChange', 'ping'],
  logs: ['append', 'find', 'get', 'summarize', 'remove', 'sweep', 'ping'],
  keyValue: ['get', 'set', 'setIfAbsent', 'exchange', 'add', 'delete', 'ping'],
  notices: ['publish'],
}

/** What the store thread's desk is made from. */
export interface StoreDeskOptions {
  setup: StoreSetup
  drivers: readonly StoreDriver[]
  context: StoreContext
  log: ThreadLog
  post(notice: StoreNotice): void
}

/** In the store thread: opens the stores and does what the main thread asks of them. */
export interface StoreDesk {
  /** Never rejects. */
  answer(request: StoreRequest): Promise<StoreReply>
  /** Closes what is open. Never rejects. */
  close(): Promise<void>
}

/** Makes the desk and opens the stores at once; one that cannot be opened is tried again when it is asked. */
export function createStoreDesk(options: StoreDeskOptions): StoreDesk {
  const { setup, log } = options
  const doors: { readonly [Kind in StoreKind]: Door<OpenStores[Kind]> } = {
    config: new Door(() => open(options, 'config')),
    logs: new Door(() => open(options, 'logs')),
    keyValue: new Door(() => open(options, 'keyValue')),
    notices: new Door(() => open(options, 'notices')),
  }
  const listeners = new Map<number, () => void>()
  for (const kind of Object.keys(doors) as StoreKind[]) {
    if (setup[kind]) doors[kind].get().catch((error: Error) => log.error({ err: error, store: kind }, 'a store could not be opened'))
  }

  async function perform({ store: kind, method, args }: StoreRequest): Promise<unknown> {
    const store = await doors[kind].get()
    if (kind === 'notices' && method === 'subscribe') return subscribe(store as Notices, ...(args as [string, number]))
    if (kind === 'notices' && method === 'unsubscribe') return unsubscribe(args[0] as number)
    if (!(METHODS[kind] as readonly string[]).includes(method)) throw new StoreError('corrupt', `a store has no call ${method}`)
    const call = (store as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[method]
    return call?.apply(store, [...args])
  }

  async function subscribe(notices: Notices, channel: string, subscription: number): Promise<void> {
    const { post } = options
    listeners.set(
      subscription,
      await notices.subscribe(
        channel,
        (text) => post({ subscription, text }),
        () => post({ subscription }),
      ),
    )
  }

  function unsubscribe(subscription: number): void {
    listeners.get(subscription)?.()
    listeners.delete(subscription)
  }

  return {
    async answer(request) {
      try {
        return { id: request.id, value: await perform(request) }
      } catch (error) {
        return { id: request.id, error: plainError(error, log) }
      }
    },
    async close() {
      await Promise.all(Object.values(doors).map((door) => door.close()))
    },
  }
}

/** Opens a store once, and again where that failed. */
class Door<Store extends { close(): Promise<void> }> {
  readonly #open: () => Promise<Store>
  #opening: Promise<Store> | undefined
  #retryAt = Number.POSITIVE_INFINITY

  constructor(open: () => Promise<Store>) {
    this.#open = open
  }

  get(): Promise<Store> {
    if (this.#opening && performance.now() < this.#retryAt) return this.#opening
    this.#retryAt = Number.POSITIVE_INFINITY
    this.#opening = this.#open()
    this.#opening.catch(() => {
      this.#retryAt = performance.now() + RETRY_MS
    })
    return this.#opening
  }

  async close(): Promise<void> {
    await this.#opening?.then((store) => store.close()).catch(() => {})
  }
}

const OPENERS = { config: 'openConfig', logs: 'openLogs', keyValue: 'openKeyValue', notices: 'openNotices' } as const

type Opener<Kind extends StoreKind> = (config: unknown, context: StoreContext) => Promise<OpenStores[Kind]>

async function open<Kind extends StoreKind>({ setup, drivers, context }: StoreDeskOptions, kind: Kind): Promise<OpenStores[Kind]> {
  const choice = setup[kind]
  if (!choice) throw new StoreError('unavailable', `no store is configured for this (${kind})`)
  const driver = chooseDriver(drivers, choice.type, OPENERS[kind])
  if ('problem' in driver) throw new StoreError('unavailable', driver.problem)
  const opener = driver[OPENERS[kind]]?.bind(driver) as Opener<Kind>
  return opener(choice.config, context)
}

function plainError(error: unknown, log: ThreadLog): StoreReply['error'] {
  if (error instanceof StoreError) return { fault: error.fault, message: error.message, field: error.field }
  log.error({ err: error }, 'a store failed in a way that it does not know')
  return { fault: 'unavailable', message: 'the store failed; the log says how' }
}
