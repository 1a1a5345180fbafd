/** Columns of text by which records are filtered and grouped; named as the API names them. */
export const LOG_TEXTS = [
  'status',
  'object',
  'provider',
  'model',
  'alias',
  'stop_reason',
  'cache_hit_type',
  'parent_request_id',
  'selected_key_id',
  'selected_key_name',
  'virtual_key_id',
  'virtual_key_name',
  'routing_rule_id',
  'routing_rule_name',
  'user_id',
  'user_name',
  'team_id',
  'team_name',
  'customer_id',
  'customer_name',
  'business_unit_id',
  'business_unit_name',
  'cluster_node_id',
] as const

/** Columns of numbers, none below 0. `latency` is in milliseconds, `cost` in dollars. */
export const LOG_NUMBERS = [
  'latency',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cached_read_tokens',
  'cost',
  'number_of_retries',
  'fallback_index',
] as const

/** Where a request stands. All but the first are final. */
export const LOG_STATUSES = ['processing', 'success', 'error', 'cancelled'] as const
/** Columns that a list of records may be sorted by. */
export const LOG_SORTS = ['timestamp', 'latency', 'total_tokens', 'cost'] as const

/**
 * Columns by which an engine finds records without looking at others of their time, the most telling first. Other filters look at the records
 * that these and the time leave.
 */
export const LOG_INDEXED = [
  'parent_request_id',
  'user_id',
  'virtual_key_id',
  'team_id',
  'customer_id',
  'business_unit_id',
  'selected_key_id',
  'routing_rule_id',
  'model',
  'status',
] as const satisfies readonly LogText[]

/** One of LOG_TEXTS. */
export type LogText = (typeof LOG_TEXTS)[number]
/** One of LOG_NUMBERS. */
export type LogNumber = (typeof LOG_NUMBERS)[number]
/** One of LOG_STATUSES. */
export type LogStatus = (typeof LOG_STATUSES)[number]
/** One of LOG_SORTS. */
export type LogSort = (typeof LOG_SORTS)[number]

/**
 * What a log keeps of one request. A column that does not apply is left out; texts are cut at 512 characters and made well-formed, numbers that are
 * none (NaN, below 0) are left out, so that no odd request is missing from the log.
 */
export interface LogRecord
  extends Partial<Record<Exclude<LogText, 'status'>, string | undefined>>,
    Partial<Record<LogNumber, number | undefined>> {
  /** 1 to 1,024 characters. One request may have several records; each has an id of its own, made by the gateway. */
  id: string
  /** Epoch milliseconds at which the request began; the same in every state of the record. */
  timestamp: number
  status: LogStatus
  /** At most 16. */
  routing_engines_used?: readonly string[] | undefined
  /** At most 32 entries. */
  metadata?: Readonly<Record<string, string>> | undefined
  /** What a search looks into, and lists show: cut at 4,096 characters. */
  content_summary?: string | undefined
  /**
   * Everything else as JSON text, for who looks at this record alone. A state without it leaves the one that is there. Left out where it is longer
   * than `MAX_LOG_BODY`.
   */
  body?: string | undefined
}

/** Which records: all that satisfy every field. */
export interface LogFilter {
  /** Began then or later, epoch milliseconds. */
  from?: number | undefined
  /** Began earlier, epoch milliseconds. */
  before?: number | undefined
  /** By column, one of these values (at most 100); `routing_engines_used`: any of these engines. An empty list is satisfied by none. */
  is?: Partial<Record<LogText | 'routing_engines_used', readonly string[]>> | undefined
  /** By column, both ends included; a record without the number is in no range. */
  range?: Partial<Record<Exclude<LogSort, 'timestamp'>, { min?: number | undefined; max?: number | undefined }>> | undefined
  /** Each of these entries. */
  metadata?: Readonly<Record<string, string>> | undefined
  /** True: without a cost. */
  isCostMissing?: boolean | undefined
  /** `content_summary` contains it as it stands, 1 to 200 characters. ASCII letters of either case are the same; of others some engines tell them apart. */
  text?: string | undefined
}

/** A page of a list. */
export interface LogQuery {
  filter?: LogFilter | undefined
  /** The newest first unless said. Records without the number come as if it were below 0, equal ones in the order of their ids. */
  sort?: { by: LogSort; order: 'asc' | 'desc' } | undefined
  /** 1 to 1,000. */
  limit: number
  /** Records to leave out ahead of the page, at most 100,000. */
  offset?: number | undefined
  /** The last record of the page before, where the sort is by timestamp: pages are then the same whatever is written meanwhile. */
  after?: Pick<LogRecord, 'timestamp' | 'id'> | undefined
}

/** What records may be grouped by; `latency_class` stands for a span of latencies (`latencyOfClass`). */
export type LogDimension = LogText | 'latency_class'

/** Counts and sums over records: statistics, histograms, rankings, and which values there are. */
export interface LogSummaryQuery {
  filter?: LogFilter | undefined
  /** At most 4. */
  by?: readonly LogDimension[] | undefined
  /** Length of one span of time in milliseconds: whole minutes, spans begin at multiples of it. Without it there is one span. */
  bucketMs?: number | undefined
  /** What is summed besides counting. */
  sums?: readonly LogNumber[] | undefined
}

/** Records that agree in their span of time and in the columns that are grouped by. */
export interface LogGroup {
  /** Start of the span, epoch milliseconds; undefined where no spans were asked for. */
  at: number | undefined
  /** Values in the order of the query; null: the records have none. */
  by: readonly (string | number | null)[]
  requests: number
  /** Of those that have the number; 0 where none has. */
  sums: Partial<Record<LogNumber, number>>
}

/** Upper ends of neighbouring classes are 5 % apart. */
const CLASS_RATIO = Math.log(1.05)

/** The class of a latency in milliseconds: percentiles come from counts by class, in any engine and without reading a record. */
export function latencyClass(latency: number): number {
  return latency <= 1 ? 0 : Math.ceil(Math.log(latency) / CLASS_RATIO)
}

/** Latency in milliseconds that stands for a class, at most 2.5 % from each of its own. */
export function latencyOfClass(index: number): number {
  return index === 0 ? 1 : Math.exp((index - 0.5) * CLASS_RATIO)
}
