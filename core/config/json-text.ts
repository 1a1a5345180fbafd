import type { Json, JsonObject } from '../canonical/json.ts'
import { type Path, pathText } from './problems.ts'

/** Nesting beyond this is refused: no configuration needs it, and the reader recurses. */
const MAX_DEPTH = 100

/** Reads JSON text and says where it is wrong. Unlike JSON.parse it reports duplicate names, and quotes nothing of the text. */
export function parseJsonText(text: string): { value: Json | undefined; problems: string[] } {
  const value = plainly(text)
  return value === undefined ? carefully(text) : { value, problems: [] }
}

/** A large file with nothing to say of it is most of what is read, and read ten times as fast so. Undefined: there is something to say. */
function plainly(text: string): Json | undefined {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  // A name that appears twice is one field less than the text has names.
  return fieldsIn(value, 0) === namesIn(text) ? value : undefined
}

/** How many fields a value has, at any depth; NaN where one or its depth is refused. */
function fieldsIn(value: Json | undefined, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth >= MAX_DEPTH || Object.hasOwn(value, '__proto__')) return Number.NaN
  let count = 0
  if (Array.isArray(value)) for (const item of value as readonly Json[]) count += fieldsIn(item, depth + 1)
  else for (const name in value) count += 1 + fieldsIn((value as JsonObject)[name], depth + 1)
  return count
}

/** How many names of fields a JSON text has: its colons outside of strings. */
function namesIn(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === COLON) count++
    else if (unit === QUOTE) at = endOfString(text, at)
  }
  return count
}
const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c]

/** Offset of the quote that ends the string which begins at an offset. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return at
    if (unit === BACKSLASH) at++
  }
  return text.length
}

function carefully(text: string): { value: Json | undefined; problems: string[] } {
  const reader = new Reader(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  try {
    return { value: reader.document(), problems: reader.problems }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    return { value: undefined, problems: [`${reader.place(error.at)}: ${error.message}`] }
  }
}

/** Where in the text fields and elements stand, by their paths (`pathText`); those that are not there are left out. The text is JSON. */
export function placesIn(text: string, paths: ReadonlySet<string>): Map<string, string> {
  const reader = new Reader(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, paths)
  reader.document()
  return new Map([...reader.found].map(([path, at]) => [path, reader.place(at)]))
}

class SyntaxFault extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const LITERALS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y
const SPACE = /[ \t\r\n]*/y

/** One pass over the text; `at` is the offset of the next character. */
class Reader {
  readonly problems: string[] = []
  /** Offsets of what was wanted. */
  readonly found = new Map<string, number>()
  readonly #text: string
  readonly #wanted: ReadonlySet<string> | undefined
  #at = 0

  constructor(text: string, wanted?: ReadonlySet<string>) {
    this.#text = text
    this.#wanted = wanted
  }

  document(): Json {
    const value = this.#value([])
    this.#space()
    if (this.#at < this.#text.length) throw new SyntaxFault(this.#at, 'text after the end of the JSON value')
    return value
  }

  place(at: number): string {
    const before = this.#text.slice(0, at)
    return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`
  }

  #value(path: Path): Json {
    if (path.length > MAX_DEPTH) throw new SyntaxFault(this.#at, `nested more than ${MAX_DEPTH} deep`)
    this.#space()
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(path)
    if (first === '[') return this.#list(path)
    if (first === '"') return this.#string()
    for (const [word, value] of LITERALS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    const number = this.#match(NUMBER)
    if (number === undefined) throw new SyntaxFault(this.#at, this.#missing('a value'))
    return Number(number)
  }

  #object(path: Path): JsonObject {
    const object: JsonObject = {}
    this.#at++
    if (this.#take('}')) return object
    do {
      this.#space()
      const at = this.#at
      if (this.#text[at] !== '"') throw new SyntaxFault(at, this.#missing('a name in double quotes'))
      const name = this.#string()
      if (!this.#take(':')) throw new SyntaxFault(this.#at, this.#missing('":"'))
      this.#note(path, name, { at, isKnown: Object.hasOwn(object, name) })
      const value = this.#value([...path, name])
      if (name !== '__proto__') object[name] = value
    } while (this.#take(','))
    if (!this.#take('}')) throw new SyntaxFault(this.#at, this.#missing('"," or "}"'))
    return object
  }

  #list(path: Path): Json {
    const list: Json[] = []
    this.#at++
    if (this.#take(']')) return list
    do {
      const inner = [...path, list.length]
      this.#space()
      if (this.#wanted) this.#find(pathText(inner))
      list.push(this.#value(inner))
    } while (this.#take(','))
    if (!this.#take(']')) throw new SyntaxFault(this.#at, this.#missing('"," or "]"'))
    return list
  }

  #string(): string {
    const at = this.#at
    const raw = this.#match(STRING)
    try {
      return JSON.parse(raw ?? '') as string
    } catch {
      throw new SyntaxFault(at, 'a string that is not closed, or holds a control character or a bad escape')
    }
  }

  #find(full: string, at = this.#at): void {
    if (this.#wanted?.has(full)) this.found.set(full, at)
  }

  #note(path: Path, name: string, found: { at: number; isKnown: boolean }): void {
    if (!this.#wanted && !found.isKnown && name !== '__proto__') return
    const full = pathText([...path, name])
    this.#find(full, found.at)
    if (found.isKnown) this.problems.push(`${full}: the name appears twice (${this.place(found.at)})`)
    if (name === '__proto__') this.problems.push(`${full}: unknown key`)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #space(): void {
    this.#match(SPACE)
  }

  #take(mark: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== mark) return false
    this.#at++
    return true
  }

  #missing(what: string): string {
    return this.#at >= this.#text.length ? `the text ends where ${what} should be` : `expected ${what}`
  }
}
