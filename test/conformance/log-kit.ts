import type { LogFilter, LogQuery, LogRecord } from '../../core/stores/log-records.ts'
import { memoryLogStore } from '../../core/stores/memory-logs.ts'
import type { LogStore } from '../../core/stores/stores.ts'

/** Somewhere empty to keep a log. */
export interface LogPlace {
  /** A store on what is kept there; each call opens another, as another process would. The suite closes it. */
  open(): Promise<LogStore>
}

/** What the suite needs to know of a LogStore. */
export interface LogStoreCase {
  name: string
  newPlace(): Promise<LogPlace>
  /** False: the server does not keep concurrent writers apart; those tests are left out. */
  isAtomic?: boolean
  /** False: what it held ends with the store. */
  isKept?: boolean
}

/** When the suite's requests begin. */
export const START = Date.UTC(2026, 0, 1, 12)
/** In milliseconds. */
export const MINUTE = 60_000

/** A record that ended well, `minute` minutes after the start of all. */
export function record(id: string, minute = 0, more: Partial<LogRecord> = {}): LogRecord {
  return { id, timestamp: START + minute * MINUTE, status: 'success', provider: 'openai', model: 'gpt', ...more }
}

/** Their ids. */
export const idsOf = (records: readonly LogRecord[]) => records.map(({ id }) => id)

/** Ids of the records that a filter finds. */
export async function found(store: LogStore, filter: LogFilter = {}, more: Partial<LogQuery> = {}): Promise<string[]> {
  return idsOf(await store.find({ filter, limit: 1000, ...more }))
}

/** A record that has everything. */
export const WHOLE: LogRecord = {
  id: '0198-whole',
  timestamp: START,
  status: 'error',
  object: 'chat.completion',
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  alias: 'sonnet',
  stop_reason: 'length',
  cache_hit_type: 'semantic',
  parent_request_id: 'parent',
  selected_key_id: 'key',
  selected_key_name: 'main',
  virtual_key_id: 'vk',
  virtual_key_name: 'first',
  routing_rule_id: 'rule',
  routing_rule_name: 'by price',
  user_id: 'user',
  user_name: 'Ada',
  team_id: 'team',
  team_name: 'Research',
  customer_id: 'customer',
  customer_name: 'Acme',
  business_unit_id: 'unit',
  business_unit_name: 'Labs',
  cluster_node_id: 'node-1',
  latency: 1234.5,
  prompt_tokens: 10,
  completion_tokens: 20,
  total_tokens: 30,
  cached_read_tokens: 0,
  cost: 0.000123,
  number_of_retries: 2,
  fallback_index: 1,
  routing_engines_used: ['governance', 'routing-rule'],
  metadata: { 'x-tenant': 'a', isAsyncRequest: 'true' },
  content_summary: 'Hello there',
  body: '{"messages":[{"role":"user","content":"Hello there"}],"big":12345678901234567890}',
}

/** A store in memory that holds these. */
export async function reference(records: readonly LogRecord[]): Promise<LogStore> {
  const store = memoryLogStore()
  for (let from = 0; from < records.length; from += 1000) await store.append(records.slice(from, from + 1000))
  return store
}
