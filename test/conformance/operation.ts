import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Format, Inbound, Outbound, ReplyOptions } from '../../core/format.ts'

const REPLY: ReplyOptions = { id: 'gw-1', created: 1_700_000_000, model: 'fallback-model' }

/** Where the model of a case stands, for dialects that name it in the path; and which of their methods is asked for. */
export interface OperationCase {
  model?: string
  method?: string
}

/**
 * Runs a format of an operation without streams over `test/fixtures/<operation>/<case>/`. A file that a format lacks is skipped by
 * name; `<format>.canonical-*.json` stands where the dialect says more or less than the others.
 */
export function operationConformance(format: Format, operation: string, cases: Readonly<Record<string, OperationCase>> = {}): void {
  const fixtures = new Fixtures(operation, format.name)
  describe(`${format.name}: ${operation}`, () => {
    for (const name of fixtures.names.filter((each) => each !== 'error-status')) {
      const named = cases[name] ?? cases['*']
      if (format.inbound) inboundCase(fixtures, format.inbound, { name, named })
      if (format.outbound) outboundCase(fixtures, format.outbound, { name, named })
      if (format.inbound && format.outbound) answerCase(fixtures, format, { name, named })
    }
    test('has a case', () => {
      expect(fixtures.names.filter((name) => fixtures.has(name, 'request') || fixtures.has(name, 'response'))).not.toEqual([])
    })
    it.skipIf(!fixtures.has('error-status', 'response'))('reads an error', () => {
      expect(format.outbound?.decodeError(fixtures.wire('error-status', 'response'))).toMatchObject(
        fixtures.canonical('error-status', 'error'),
      )
    })
  })
}

interface Case {
  name: string
  named: OperationCase | undefined
}

function inboundCase(fixtures: Fixtures, inbound: Inbound, { name, named }: Case): void {
  it.skipIf(!fixtures.has(name, 'request'))(`decodes the request: ${name}`, () => {
    const wire = fixtures.wire(name, 'request')
    const path = named && { model: named.model ?? '', ...(named.method && { method: named.method }) }
    const { request } = inbound.decodeRequest(wire, named?.model === undefined ? undefined : path)
    expect(plain(request)).toEqual({ ...fixtures.canonical(name, 'request'), model: named?.model ?? wire.model })
  })
}

function outboundCase(fixtures: Fixtures, outbound: Outbound, { name, named }: Case): void {
  it.skipIf(!fixtures.has(name, 'request'))(`encodes the request: ${name}`, () => {
    const wire = fixtures.sent(name)
    const request = { ...fixtures.shared(name), model: named?.model ?? wire.model }
    expect(plain(outbound.encodeRequest(request as never, {}).body)).toEqual(wire)
  })
  it.skipIf(!fixtures.has(name, 'response'))(`decodes the answer: ${name}`, () => {
    expect(essence(outbound.decodeResponse(fixtures.wire(name, 'response')))).toEqual(fixtures.canonical(name, 'response'))
  })
}

/** The encoder is told what the request's decoder carried over, as in the gateway. */
function answerCase(fixtures: Fixtures, { inbound, outbound }: Format, { name, named }: Case): void {
  it.skipIf(!fixtures.has(name, 'response'))(`writes the answer so that it reads back the same: ${name}`, () => {
    const decoded = outbound?.decodeResponse(fixtures.wire(name, 'response'))
    const path = { model: named?.model ?? '', ...(named?.method && { method: named.method }) }
    const carry = fixtures.has(name, 'request') ? inbound?.decodeRequest(fixtures.wire(name, 'request'), path).carry : undefined
    const written = inbound?.encodeResponse(decoded as never, { ...REPLY, carry })
    expect(essence(outbound?.decodeResponse(plain(written)))).toEqual(essence(decoded))
  })
}

/** What all dialects must agree on: without ids, names and what only one of them knows. */
function essence(response: unknown): JsonObject {
  const {
    id: _id,
    model: _model,
    extra: _extra,
    usage,
    ...rest
  } = response as JsonObject & { usage?: { inputTokens: number; searchQueries?: number } }
  const { inputTokens, searchQueries } = usage ?? {}
  return plain({ ...rest, ...(inputTokens && { inputTokens }), ...(searchQueries && { searchQueries }) })
}

function plain(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}

type Kind = 'request' | 'response'

/** The files of one operation, as one format sees them. */
class Fixtures {
  readonly names: readonly string[]
  readonly #folder: URL
  readonly #format: string

  constructor(operation: string, format: string) {
    this.#folder = new URL(`../fixtures/${operation}/`, import.meta.url)
    this.#format = format
    this.names = readdirSync(this.#folder).sort()
  }

  has(name: string, kind: Kind): boolean {
    return existsSync(this.#at(name, `${this.#format}.${kind}.json`))
  }

  wire(name: string, kind: Kind): JsonObject {
    return this.#read(name, `${this.#format}.${kind}.json`)
  }

  /** What the gateway writes where that is not what a client of the dialect writes. */
  sent(name: string): JsonObject {
    const own = `${this.#format}.sent.json`
    return existsSync(this.#at(name, own)) ? this.#read(name, own) : this.wire(name, 'request')
  }

  shared(name: string): JsonObject {
    return this.#read(name, 'canonical-request.json')
  }

  canonical(name: string, kind: Kind | 'error'): JsonObject {
    const own = `${this.#format}.canonical-${kind}.json`
    return existsSync(this.#at(name, own)) ? this.#read(name, own) : this.#read(name, `canonical-${kind}.json`)
  }

  #at(name: string, file: string): URL {
    return new URL(`${name}/${file}`, this.#folder)
  }

  #read(name: string, file: string): JsonObject {
    return JSON.parse(readFileSync(this.#at(name, file), 'utf8')) as JsonObject
  }
}
