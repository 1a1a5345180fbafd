import { checkEntry } from '../../core/stores/checks.ts'
import type { KeyValueStore } from '../../core/stores/stores.ts'
import type { Link } from './link.ts'

/** KEYS[1]; current, next, time to live. */
const REPLACE = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`
/** KEYS[1]; current. */
const DROP = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`
/** KEYS[1]; amount, time to live. */
const ADD = `local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`

/** Small values that expire, in Redis. Every call touches one key, so it serves a cluster as well. */
export class RedisKeyValue implements KeyValueStore {
  readonly #link: Link
  readonly #prefix: string

  constructor(link: Link, prefix: string) {
    this.#link = link
    this.#prefix = `${prefix}kv:`
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#link.run((client) => client.get(this.#prefix + key))) ?? undefined
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    checkEntry(key, { value, ttlMs })
    await this.#link.run((client) => client.set(this.#prefix + key, value, 'PX', Math.ceil(ttlMs)))
  }

  async setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value, ttlMs })
    return (await this.#link.run((client) => client.set(this.#prefix + key, value, 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK'
  }

  async exchange(key: string, current: string, next: string | undefined, ttlMs: number): Promise<boolean> {
    checkEntry(key, { value: next, ...(next !== undefined && { ttlMs }) })
    if (next === undefined) return (await this.#script(DROP, key, current)) === 1
    return (await this.#script(REPLACE, key, current, next, Math.ceil(ttlMs))) === 1
  }

  async add(key: string, amount: number, ttlMs: number): Promise<number> {
    checkEntry(key, { ttlMs, amount })
    return Number(await this.#script(ADD, key, amount, Math.ceil(ttlMs)))
  }

  async delete(key: string): Promise<void> {
    await this.#link.run((client) => client.del(this.#prefix + key))
  }

  async ping(): Promise<void> {
    await this.#link.run((client) => client.ping())
  }

  async close(): Promise<void> {
    this.#link.close()
  }

  #script(script: string, key: string, ...values: (string | number)[]): Promise<unknown> {
    return this.#link.run((client) => client.eval(script, 1, this.#prefix + key, ...values))
  }
}
