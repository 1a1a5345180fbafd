/** What threads need of a log; pino's is one. */
export interface ThreadLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** Errors that escaped every request, since the thread started. */
export interface Escaped {
  count: number
}

/**
 * Keeps errors that nothing caught from ending this thread, and with it the process: a thread that runs uWebSockets.js takes
 * the whole process along (SIGABRT). `endRequest` ends the request in whose AsyncLocalStorage context the error was thrown
 * and says whether there was one; both handlers run in that context (checked on Node 22.23, with and without
 * --experimental-async-context-frame).
 */
export function containErrors(log: ThreadLog, endRequest: (error: unknown) => boolean): Escaped {
  const escaped: Escaped = { count: 0 }
  const contain = (kind: string) => (error: unknown) => {
    if (endRequest(error)) {
      log.warn({ err: error, kind }, 'an error escaped a plugin; its request was ended')
      return
    }
    escaped.count++
    log.error({ err: error, kind, count: escaped.count }, 'an error escaped and belongs to no request')
  }
  process.on('uncaughtException', contain('uncaughtException'))
  process.on('unhandledRejection', contain('unhandledRejection'))
  return escaped
}

/** Makes `process.exit` throw in this thread: inside a thread that runs uWebSockets.js it would abort the whole process. */
export function refuseExit(): void {
  process.exit = () => {
    throw new Error('process.exit is refused in a data thread: it would end the whole gateway')
  }
}
