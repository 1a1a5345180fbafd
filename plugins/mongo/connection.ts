import { type Collection, type Db, type IndexDescription, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb'
import { StoreError } from '../../core/stores/stores.ts'

/** How long to look for a server, in milliseconds: a lost one is told at once and not waited for. */
const FIND_MS = 2000
/** Longest a command may take with its retries, in milliseconds: less than the store thread's patience. */
const COMMAND_MS = 8000
/** A client whose commands all go unanswered for so long, in milliseconds, is replaced. */
const RENEW_AFTER_MS = 10_000
/** The server's code for a value of a unique index that is taken. */
const DUPLICATE_KEY = 11_000
/** The server's code for a query that ran into its maxTimeMS. */
const MAX_TIME_EXPIRED = 50
/** The server's code for a collection that does not exist. */
const NAMESPACE_NOT_FOUND = 26

/** A document as it lies in a collection of ours; ids are texts. */
export interface Kept {
  _id: string
}

/** A database and its collections, each with its indexes made before its first use. */
export interface Connection {
  /** Of the database. */
  readonly name: string
  /** Rejects with StoreError. */
  collection<Document extends Kept>(name: string, indexes?: readonly IndexDescription[]): Promise<Collection<Document>>
  /** Runs a command; what it throws is a StoreError, or `isDuplicate` says so of it. */
  attempt<Result>(command: () => Promise<Result>): Promise<Result>
  /** Runs an upsert; where another one made the document first, once more, and then it finds that one. */
  upsert<Result>(command: () => Promise<Result>): Promise<Result>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Opens nothing yet: the first command looks for the server. Throws StoreError where the URL cannot be read, without repeating it. */
export function openConnection({ url, db_name }: { url: string; db_name: string }): Connection {
  return connectionOf(() => createClient(url), db_name)
}

/** A client with our time limits, which the URL may not lift. Throws StoreError. */
export function createClient(url: string, options: MongoClientOptions = {}): MongoClient {
  try {
    return new MongoClient(url, {
      ...options,
      appName: 'bifrost',
      serverSelectionTimeoutMS: FIND_MS,
      connectTimeoutMS: FIND_MS,
      waitQueueTimeoutMS: FIND_MS,
      socketTimeoutMS: COMMAND_MS,
      maxPoolSize: 20,
      writeConcern: { w: 'majority' },
    })
  } catch (cause) {
    throw new StoreError('unavailable', 'MongoDB: config.url cannot be read as a connection string', { cause: withoutMessage(cause) })
  }
}

/** The connection over a client that it makes, closes, and replaces by another where the server stays away. */
export function connectionOf(makeClient: () => MongoClient, name: string, renewAfterMs = RENEW_AFTER_MS): Connection {
  const made = new Map<string, Promise<void>>()
  let client = makeClient()
  let connecting: Promise<unknown> | undefined
  let failingSince: number | undefined
  let isClosed = false

  /** By hand: where the driver's own first attempt fails, it never makes another. */
  async function connect(): Promise<void> {
    if (isClosed) throw new StoreError('unavailable', 'the store is closed')
    connecting ??= attempt(() => client.connect())
    try {
      await connecting
    } catch (error) {
      connecting = undefined
      throw error
    }
  }

  async function attempt<Result>(command: () => Promise<Result>): Promise<Result> {
    try {
      const result = await answered(command())
      failingSince = undefined
      return result
    } catch (error) {
      if (isRefusal(error)) failingSince = undefined
      else renewAfterLong()
      if (error instanceof StoreError || isDuplicate(error)) throw error
      throw new StoreError('unavailable', `MongoDB: ${(error as Error).message}`, { cause: error })
    }
  }

  /**
   * The driver (7.9.0) waits for ever where it writes to a socket that was destroyed and has not said so yet, as happens when a server goes. If its
   * monitor is what waits, it never finds the server again; if it is a command, one of its connections is lost.
   */
  function renewAfterLong(): void {
    const now = performance.now()
    failingSince ??= now
    if (isClosed || now - failingSince < renewAfterMs) return
    const old = client
    failingSince = undefined
    connecting = undefined
    client = makeClient()
    void old.close().catch(() => {})
  }

  return {
    name,
    attempt,
    async upsert(command) {
      try {
        return await attempt(command)
      } catch (error) {
        if (!isDuplicate(error)) throw error
        return attempt(command)
      }
    },
    async collection<Document extends Kept>(collectionName: string, indexes: readonly IndexDescription[] = []) {
      await connect()
      let making = made.get(collectionName)
      if (!making) {
        making = attempt(() => makeIndexes(client.db(name), collectionName, indexes))
        made.set(collectionName, making)
        making.catch(() => made.delete(collectionName))
      }
      await making
      return client.db(name).collection<Document>(collectionName)
    },
    async ping() {
      await connect()
      await attempt(() => client.db(name).command({ ping: 1 }))
    },
    async close() {
      isClosed = true
      await client.close()
    },
  }
}

/** Only those that are missing: to make one that is there is a no-op in MongoDB, and an error in some relatives. */
async function makeIndexes(db: Db, name: string, indexes: readonly IndexDescription[]): Promise<void> {
  if (indexes.length === 0) return
  const present = await db.collection(name).indexes().catch(noneYet)
  const missing = indexes.filter((index) => !present.some((each) => each.name === index.name))
  if (missing.length > 0) await db.collection(name).createIndexes(missing)
}

/** There is no such collection yet: an empty list. */
function noneYet(error: unknown): { name?: string }[] {
  if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return []
  throw error
}

/** By a clock of our own: the driver's limits start anew with each of its retries (13 s were seen for 8). */
async function answered<Result>(result: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new StoreError('unavailable', `MongoDB did not answer within ${COMMAND_MS} ms`)), COMMAND_MS)
  try {
    return await Promise.race([result, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Whether the server answered with a refusal, and not the network with a failure, which the error of a bulk write may wrap. */
export function isRefusal(error: unknown): boolean {
  return error instanceof MongoServerError && !((error.errorResponse as unknown) instanceof Error)
}

/** Whether a query ended at its own limit of time. */
export function isOverTime(error: unknown): boolean {
  const { cause } = error as StoreError
  return cause instanceof MongoServerError && cause.code === MAX_TIME_EXPIRED
}

/** Whether a write failed because a value of a unique index is taken. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY
}

/** The driver's sentence may repeat the URL, which holds a password. */
function withoutMessage(error: unknown): string {
  return error instanceof Error ? error.name : 'Error'
}
