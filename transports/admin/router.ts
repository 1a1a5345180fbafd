import type { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/canonical/json.ts'
import { parseJsonText } from '../../core/config/json-text.ts'
import { ConfigError } from '../../core/config/problems.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ThreadLog } from '../../core/threads/guard.ts'
import type { ControlReply, ControlRequest } from '../../core/threads/messages.ts'
import { errorReply, jsonReply } from './reply.ts'

/** What a route of the management API is given. */
export interface AdminRequest {
  method: string
  path: string
  /** Of the path, decoded: `{provider}` of `/api/providers/{provider}`. */
  params: Readonly<Record<string, string>>
  query: URLSearchParams
  /** Lower-case names. */
  headers: ReadonlyMap<string, string>
  /** As the route's schema reads it; `{}` where the route takes none. */
  body: JsonObject
  /** Of the client, as far as it can be believed. */
  address: string
  scheme: 'http' | 'https'
  /** It has signed in: not let through because nobody has to. */
  isAdmin: boolean
}

/** Its answer: a status, and a value that is sent as JSON, or a text of another type. */
export interface AdminReply {
  status?: number | undefined
  headers?: readonly (readonly [string, string])[] | undefined
  body: Json | { type: string; text: string | Uint8Array }
}

/** Who may call a route: everybody, who has signed in where authentication is on, or a virtual key about itself. */
export type AdminAccess = 'open' | 'admin' | 'virtual-key'

/** A row of the management API. What it says is also what `GET /api/openapi.json` tells. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/api/providers/{provider}`. */
  path: string
  summary: string
  /** Heading of the API's page under which it stands. */
  tag: string
  /** Absent: `admin`. */
  access?: AdminAccess | undefined
  /** Of the request's body; absent: none is read. */
  body?: z.ZodType | undefined
  /** What the documentation says of the body, where `body` looks at less than what is checked later. */
  documented?: z.ZodType | undefined
  /** Of the query's fields, which are texts. */
  query?: z.ZodObject | undefined
  /** Of the answer's body, for the documentation. */
  reply?: z.ZodType | undefined
  /** Of an answer that went well; 200 unless said. */
  status?: number | undefined
  handle(request: AdminRequest): Json | AdminReply | Promise<Json | AdminReply>
}

/** Lets a request through to its route or throws GW_UNAUTHORIZED. Resolves with whether it has signed in. */
export type Gatekeeper = (route: AdminRoute, request: Omit<AdminRequest, 'params' | 'body' | 'isAdmin'>) => Promise<boolean>

interface Compiled {
  route: AdminRoute
  pattern: RegExp
  names: readonly string[]
}

/** Marks an answer that is more than a value. */
const REPLY = Symbol('reply')

/** An answer with a status, headers or another type than JSON. */
export function reply(answer: AdminReply): AdminReply {
  return Object.assign(answer, { [REPLY]: true })
}

/** Finds the route of a request of the management API, asks whether it may pass, reads its body, and answers. Never throws. */
export function createAdminRouter(
  routes: readonly AdminRoute[],
  { admits, log }: { admits: Gatekeeper; log: ThreadLog },
): (request: ControlRequest) => Promise<Omit<ControlReply, 'id'>> {
  const compiled = routes.map(compile)
  return async (request) => {
    try {
      const { route, params, asked } = find(compiled, request)
      const isAdmin = await admits(route, asked)
      checkQuery(route, asked.query)
      const answer = await route.handle({ ...asked, params, isAdmin, body: readBody(route, request) })
      return isReply(answer) ? jsonReply(answer, route.status) : jsonReply({ body: answer }, route.status)
    } catch (error) {
      if (!(error instanceof GatewayError || error instanceof ConfigError))
        log.error({ err: error, path: request.path }, 'a route of the management API failed')
      return errorReply(error)
    }
  }
}

function isReply(answer: Json | AdminReply): answer is AdminReply {
  return typeof answer === 'object' && answer !== null && REPLY in answer
}

/** Fixed steps win over named ones: `/virtual-keys/quota` over `/virtual-keys/{vk_id}`. */
function compile(route: AdminRoute): Compiled {
  const names: string[] = []
  const pattern = route.path.replace(/[.]/g, '\\.').replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name)
    return '([^/]+)'
  })
  return { route, pattern: new RegExp(`^${pattern}$`), names }
}

function find(compiled: readonly Compiled[], { method, path, query, headers, clientAddress: address, scheme }: ControlRequest) {
  const matches = compiled.filter(({ pattern }) => pattern.test(path)).sort((one, other) => one.names.length - other.names.length)
  if (matches.length === 0) throw new GatewayError('GW_ROUTE_NOT_FOUND', { path })
  const wanted = method === 'HEAD' ? 'GET' : method
  const match = matches.find(({ route }) => route.method === wanted)
  if (!match) {
    const allow = [...new Set(matches.map(({ route }) => route.method))].join(', ')
    throw new GatewayError('GW_METHOD_NOT_ALLOWED', { method, path, allow })
  }
  const values = match.pattern.exec(path)?.slice(1) ?? []
  const params = Object.fromEntries(match.names.map((name, index) => [name, decoded(values[index] ?? '', path)]))
  const asked = { method, path, query: new URLSearchParams(query), headers: new Map(headers), address, scheme }
  return { route: match.route, params, asked }
}

function decoded(text: string, path: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new GatewayError('GW_ROUTE_NOT_FOUND', { path })
  }
}

function checkQuery({ query: schema }: AdminRoute, query: URLSearchParams): void {
  if (schema) parsed(schema, Object.fromEntries(query))
}

function readBody({ body: schema }: AdminRoute, { body }: ControlRequest): JsonObject {
  if (!schema) return {}
  return parsed(schema, readObject(body)) as JsonObject
}

/** The JSON object of a body: at most 100 deep, no name twice, none that would set a prototype where somebody copies it carelessly. */
function readObject(body: Uint8Array | null): JsonObject {
  if (body !== null && body.length > MOST_BYTES) throw new GatewayError('GW_INVALID_JSON', { reason: 'the body is over 4 MiB' })
  const { value, problems } = parseJsonText(textOf(body))
  const [problem] = problems
  if (problem !== undefined) throw new GatewayError('GW_INVALID_JSON', { reason: problem })
  if (!isObject(value)) throw new GatewayError('GW_INVALID_JSON', { reason: 'the body must be a JSON object' })
  return value
}

/** Larger ones would stop the main thread while they are read, and no entity needs one. */
const MOST_BYTES = 4 * 1024 * 1024

function textOf(body: Uint8Array | null): string {
  try {
    return body === null ? '' : new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw new GatewayError('GW_INVALID_JSON', { reason: 'the body is not UTF-8' }, { cause })
  }
}

/** Throws GW_INVALID_REQUEST with the path of the first field that is wrong, and all faults in the reason. */
export function parsed(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message, code, ...issue }) => {
    const at = code === 'unrecognized_keys' ? [...path, (issue as { keys?: string[] }).keys?.[0] ?? ''] : path
    return { param: at.map(String).join('.') || 'body', message: code === 'unrecognized_keys' ? 'unknown field' : message }
  })
  const [first, ...others] = issues
  const reason = [first?.message, ...others.map(({ param, message }) => `${param}: ${message}`)].join('; ')
  throw new GatewayError('GW_INVALID_REQUEST', { param: first?.param ?? 'body', reason })
}
