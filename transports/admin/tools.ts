import type { JsonObject } from '../../core/canonical/json.ts'
import type { Builtins } from '../../core/config/builtins.ts'
import type { Environment } from '../../core/config/env.ts'
import type { Held } from '../../core/config/live/held.ts'
import type { Edit, LiveConfig } from '../../core/config/live/live-config.ts'
import { ConfigError } from '../../core/config/problems.ts'
import { GatewayError } from '../../core/errors.ts'
import type { KeyStatus } from '../../core/key-status.ts'
import type { LoadedPlugin } from '../../core/plugin/loader.ts'
import type { KeyValueStore } from '../../core/stores/stores.ts'
import type { ThreadLog } from '../../core/threads/guard.ts'
import type { AdminAuth } from './auth.ts'
import type { ModelCatalog } from './model-catalog.ts'
import type { PluginChanges } from './plugin-changes.ts'
import { type AdminReply, reply } from './router.ts'

/** What the routes of the management API work with. All of it is at home in the main thread. */
export interface AdminTools {
  config: LiveConfig
  builtins: Builtins
  auth: AdminAuth
  sessions: KeyValueStore
  /** Of a key, by its id: what requests have told of it. */
  keyStatus(id: string): KeyStatus | undefined
  version: string
  /** A log of requests is kept. */
  hasLogs?: boolean | undefined
  /** What `env.NAME` is read from. */
  env: Environment
  /** What providers have. */
  catalog: ModelCatalog
  /** The plugins that serve now, as the data threads have loaded them. */
  plugins(): readonly LoadedPlugin[]
  /** What became of changes of plugins, by their names. */
  pluginChanges: PluginChanges
  /** Settings that were changed and hold from the next start on. */
  restart: Set<string>
  log: ThreadLog
  /** A setting's text, from the environment where it says so; empty where there is none. */
  text(value: unknown): string
  /** Milliseconds since 1970. */
  now(): number
  /** A new id; a UUID. */
  newId(): string
}

/** Status of an answer to a change that not all threads had in place within a second. */
const ACCEPTED = 202

/** What came of a write. */
export interface Written {
  held: Held | undefined
  /** 202 where the threads were late; undefined: the usual one. */
  status: number | undefined
  version: number
  problems: readonly string[]
  /** Where the threads were late: what they will not have taken over. */
  late: Promise<readonly string[]> | undefined
}

/** Writes one document. What is wrong with it is told by its fields; `under` is where they stand in the payload, where it holds more. */
export async function write(
  { config }: AdminTools,
  [collection, id, edit]: readonly [collection: string, id: string, edit: Edit],
  under?: string,
): Promise<Written> {
  const work = () => config.write(collection, id, edit)
  const { held, acknowledged, version, problems = [], late } = await (under === undefined ? work() : placed(under, work))
  return { held, status: acknowledged ? undefined : ACCEPTED, version, problems, late }
}

/** Runs what may find fault with a document that stands `under` a field of the payload: its problems then say where. */
export function placed<T>(under: string, work: () => T): T {
  const place = (error: unknown): never => {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.problems.map((problem) => `${under}.${problem}`.replace('.body: ', ': ')))
  }
  try {
    const result = work()
    return result instanceof Promise ? (result.catch(place) as T) : result
  } catch (error) {
    return place(error)
  }
}

/** An answer to a write: 202 where the threads were late, with the version that they will have. */
export function written(
  body: JsonObject,
  { status, version, usual }: { status: number | undefined; version: number; usual?: number },
): AdminReply {
  const shown = status === undefined ? body : { ...body, version }
  return reply({ status: status ?? usual, headers: [['x-bifrost-config-version', String(version)]], body: shown })
}

/** The document, or GW_NOT_FOUND. */
export function found({ config }: AdminTools, collection: string, id: string, what: string): Held {
  const held = config.entities.held(collection, id)
  if (!held) throw new GatewayError('GW_NOT_FOUND', { what: `${what} "${id}"` })
  return held
}
