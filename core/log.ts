import { type DestinationStream, destination, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import { isObject, type JsonObject, parseObject } from './canonical/json.ts'
import { type Redactor, redactFields } from './redact.ts'

/** Levels of `--log-level`. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** One of LOG_LEVELS. */
export type LogLevel = (typeof LOG_LEVELS)[number]
/** Forms of `--log-style`. */
export const LOG_STYLES = ['json', 'pretty'] as const
/** One of LOG_STYLES. */
export type LogStyle = (typeof LOG_STYLES)[number]

/** What logs. `child({...})` adds fields to every line. */
export type Log = Logger

/** How much is logged, in which form, and where to. */
export interface LogOptions {
  level?: LogLevel | undefined
  style?: LogStyle | undefined
  /** Masks known secrets in every line; new ones are added to it as the configuration changes. */
  redactor: Redactor
  /** Where lines go; standard output, written at once, unless said. */
  destination?: DestinationStream | undefined
}

/** A log that holds no secret: fields are masked by name as they are logged, the finished line by value. */
export function createLog({ level = 'info', style = 'json', redactor, destination: target }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: (fields) => redactFields(fields) as Record<string, unknown>,
        log: (fields) => redactFields(fields) as Record<string, unknown>,
      },
      serializers: { err: serializeError, error: serializeError },
      hooks: {
        streamWrite: (line) => {
          const masked = redactor.mask(line)
          return style === 'pretty' ? prettyLine(masked) : masked
        },
      },
    },
    // Lines are few and the process may abort at any time (dataplane.md, topology): a buffered line would be lost.
    target ?? destination({ dest: 1, sync: true }),
  )
}

/** The error's own fields are facts that may hold headers: masked by name like the rest. */
function serializeError(error: unknown): unknown {
  return error instanceof Error ? redactFields({ ...stdSerializers.err(error) }) : redactFields(error)
}

/** One line for people: time, level, message, then the other fields as name=value; a stack on lines of its own. */
export function prettyLine(line: string): string {
  const entry = parseObject(line)
  if (entry === undefined) return line
  const { time, level, msg, err, ...fields } = entry
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(msg ?? '')}`
  const tail = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)}`,
  )
  return `${head}${tail.join('')}${errorText(err)}\n`
}

function errorText(error: unknown): string {
  if (!isObject(error as JsonObject)) return error === undefined ? '' : ` err=${JSON.stringify(error)}`
  const { stack, message, type } = error as JsonObject
  return `\n    ${String(stack ?? `${String(type)}: ${String(message)}`).replaceAll('\n', '\n    ')}`
}
