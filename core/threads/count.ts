/** More data threads than this have not been seen to help: the main thread and the provider's sockets become the limit. */
const MOST_AUTO_THREADS = 8

/** How many data threads `client.threads` asks for. `auto`: one on up to two cores, else one core is left to the main thread, 8 at most. */
export function threadCount(threads: 'auto' | number, cores: number): number {
  if (threads !== 'auto') return threads
  return cores <= 2 ? 1 : Math.min(cores - 1, MOST_AUTO_THREADS)
}
