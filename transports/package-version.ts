import { existsSync, readFileSync } from 'node:fs'

/** The package's version; its file is beside `transports/` in the repository, and beside `dist/` when published. */
export function packageVersion(): string {
  const places = ['../package.json', '../../package.json'].map((place) => new URL(place, import.meta.url))
  const place = places.find((url) => existsSync(url))
  return place ? (JSON.parse(readFileSync(place, 'utf8')) as { version: string }).version : 'unknown'
}
