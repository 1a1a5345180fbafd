/** The part of autocannon that the benchmarks use; the package ships no types. */
declare module 'autocannon' {
  interface Options {
    url: string
    method: string
    headers: Readonly<Record<string, string>>
    body: string
    connections: number
    /** Seconds. */
    duration: number
  }
  interface Run extends PromiseLike<Result> {
    on(name: 'response', listener: (client: unknown, status: number, bytes: number, ms: number) => void): void
    on(name: 'start', listener: () => void): void
    stop(): void
  }
  interface Result {
    errors: number
    non2xx: number
    resets: number
  }
  export default function autocannon(options: Options): Run
}
