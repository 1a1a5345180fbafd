import { parseArgs } from 'node:util'
import { LOG_LEVELS, LOG_STYLES, type LogLevel, type LogStyle } from '../core/log.ts'

/** What the command line and the environment ask for. */
export interface ServeOptions {
  /** A config.json; undefined: `config.json` in the app directory, where it exists. */
  config: string | undefined
  /** At least one: a name, an address, `localhost` (both loopback families) or `unix:/path`. */
  hosts: readonly string[]
  /** 0 lets the system choose. */
  port: number
  /** Overrides `client.threads`. */
  threads: 'auto' | number | undefined
  appDir: string | undefined
  logLevel: LogLevel
  logStyle: LogStyle
}

/** As `client.threads`. More is a slip of the finger: each costs some 20 MB. */
const MOST_THREADS = 256

const FLAGS = {
  config: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string', multiple: true },
  threads: { type: 'string' },
  'app-dir': { type: 'string' },
  'log-level': { type: 'string' },
  'log-style': { type: 'string' },
} as const

type Flags = Partial<Record<Exclude<keyof typeof FLAGS, 'host'>, string>> & { host?: string[] }

/** The flags of `npm start --` and `bifrost serve`, for the help text. */
export const SERVE_HELP = `  --config FILE        configuration (default: config.json in the app directory, if there is one)
  --port N             port to listen on (default 8080; 0 lets the system choose)
  --host H             address to listen on, or unix:/path; may be given more than once
                       (default localhost; env BIFROST_HOST, separated by commas)
  --threads auto|N     data threads (default: client.threads of the configuration, else auto)
  --app-dir DIR        where config.json and data are
  --log-level L        debug, info, warn or error (default info; env LOG_LEVEL)
  --log-style S        json or pretty (default json)`

/** Go programs take `-port`, ours take `--port`: both are the same here. */
function normalizeFlags(args: readonly string[]): string[] {
  return args.map((arg) => (/^-[a-z][a-z-]+(=|$)/.test(arg) ? `-${arg}` : arg))
}

/** Reads the flags of `serve`. Problems are sentences; with any, `options` is absent. A later flag wins over an earlier one; each `--host` adds one. */
export function parseServeOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): { options?: ServeOptions; problems: string[] } {
  let values: Flags
  try {
    values = parseArgs({ args: normalizeFlags(args), options: FLAGS, allowPositionals: false }).values
  } catch (error) {
    return { problems: [sentence((error as Error).message)] }
  }
  const problems: string[] = []
  const check = <T>(value: T | undefined, problem: string): T | undefined => {
    if (value === undefined) problems.push(problem)
    return value
  }
  const level = values['log-level'] ?? (env.LOG_LEVEL || 'info')
  const port = check(wholeNumber(values.port ?? '8080', 65_535), `--port must be a number from 0 to 65535, not "${values.port}"`)
  const threads = values.threads === undefined || values.threads === 'auto' ? values.threads : wholeNumber(values.threads, MOST_THREADS)
  if (values.threads !== undefined && !threads)
    problems.push(`--threads must be auto or a number from 1 to ${MOST_THREADS}, not "${values.threads}"`)
  const logLevel = check(oneOf(level, LOG_LEVELS), `the log level must be one of ${LOG_LEVELS.join(', ')}, not "${level}"`)
  const logStyle = check(
    oneOf(values['log-style'] ?? 'json', LOG_STYLES),
    `--log-style must be json or pretty, not "${values['log-style']}"`,
  )
  const hosts = hostsOf(values.host ?? (env.BIFROST_HOST || 'localhost').split(','))
  if (hosts.some((host) => host === '' || host === 'unix:')) problems.push('--host must be a name, an address or unix:/path')
  if (problems.length > 0 || port === undefined || !logLevel || !logStyle) return { problems }
  return { options: { config: values.config, hosts, port, threads, appDir: values['app-dir'], logLevel, logStyle }, problems }
}

/** Each once, in the order they were given. */
function hostsOf(given: readonly string[]): string[] {
  return [...new Set(given.map((host) => host.trim()))]
}

function wholeNumber(text: string, most: number): number | undefined {
  return /^\d{1,6}$/.test(text) && Number(text) <= most ? Number(text) : undefined
}

function oneOf<const T extends string>(text: string, known: readonly T[]): T | undefined {
  return known.find((name) => name === text)
}

/** The first sentence of what parseArgs says, which goes on about `--` where nobody needs it. */
function sentence(message: string): string {
  return message.split('. ')[0] ?? message
}
