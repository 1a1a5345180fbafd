import { z } from 'zod'
import type { Json, JsonObject } from '../../core/canonical/json.ts'
import type { Route } from '../../core/edge.ts'
import { ROUTES } from '../routes.ts'
import type { AdminRoute } from './router.ts'

/** How the gateway stands: what decides who may call what. */
export interface OpenApiFacts {
  version: string
  /** Address of the gateway; `/`: where the document was asked for. */
  baseUrl: string
  /** The management API asks for sign-in. */
  hasSignIn: boolean
  /** Requests for models need a credential. */
  asksForCredential: boolean
  /** Where they do, that of the management API is one. */
  takesAdmin: boolean
  /** Paths that ask for nothing; a trailing `*` stands for all that begins so. */
  isWhitelisted(path: string): boolean
}

/** Ways to say who one is, by name. */
const SCHEMES: JsonObject = {
  basic: { type: 'http', scheme: 'basic', description: 'User name and password of governance.auth_config.' },
  session: { type: 'http', scheme: 'bearer', description: 'Token of POST /api/session/login.' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'token', description: 'The same token, as the cookie that sign-in sets.' },
  virtualKey: { type: 'apiKey', in: 'header', name: 'x-bf-vk', description: 'A virtual key.' },
  virtualKeyBearer: { type: 'http', scheme: 'bearer', description: 'A virtual key that begins with sk-bf-.' },
  virtualKeyApiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A virtual key that begins with sk-bf-.' },
  virtualKeyGoogle: { type: 'apiKey', in: 'header', name: 'x-goog-api-key', description: 'A virtual key that begins with sk-bf-.' },
}
const ADMIN = ['basic', 'session', 'cookie']
const VIRTUAL_KEY = ['virtualKey', 'virtualKeyBearer', 'virtualKeyApiKey', 'virtualKeyGoogle']

const ERROR: JsonObject = {
  type: 'object',
  required: ['is_bifrost_error', 'error'],
  properties: {
    is_bifrost_error: { type: 'boolean', description: "Whether the fault is the gateway's." },
    status_code: { type: 'integer' },
    error: {
      type: 'object',
      required: ['message'],
      properties: {
        type: { type: 'string' },
        code: { type: 'string' },
        message: { type: 'string' },
        param: { type: 'string', description: 'Path of the field that is wrong.' },
      },
    },
  },
}

/** The whole API as an OpenAPI 3.1 document: made from the route tables and their schemas, each operation with the credentials that it takes now. */
export function openApi(routes: readonly AdminRoute[], facts: OpenApiFacts): JsonObject {
  const schemas: Record<string, Json> = { Error: ERROR }
  const paths: Record<string, Record<string, Json>> = {}
  const add = (path: string, method: string, operation: JsonObject): void => {
    paths[path] ??= {}
    ;(paths[path] as Record<string, Json>)[method.toLowerCase()] ??= operation
  }
  for (const route of routes) add(route.path, route.method, managementOperation(route, facts, schemas))
  for (const route of ROUTES)
    if (!route.path.startsWith('/api/') || route.operation === 'version') add(pathOf(route), route.method, servedOperation(route, facts))
  return {
    openapi: '3.1.0',
    info: { title: 'Bifrost gateway', version: facts.version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: facts.baseUrl }],
    tags: [...new Set([...routes.map(({ tag }) => tag), INFERENCE, GATEWAY])].map((name) => ({ name })),
    paths,
    components: { securitySchemes: SCHEMES, schemas },
  }
}
const INFERENCE = 'Inference'
const GATEWAY = 'Gateway'

function managementOperation(route: AdminRoute, facts: OpenApiFacts, schemas: Record<string, Json>): JsonObject {
  const { method, path, summary, tag, access = 'admin', status = 200, query } = route
  const body = route.documented ?? route.body
  return {
    operationId: operationId(method, path),
    summary,
    tags: [tag],
    security:
      access === 'virtual-key'
        ? named(VIRTUAL_KEY)
        : access === 'admin' && facts.hasSignIn && !facts.isWhitelisted(path)
          ? named(ADMIN)
          : [],
    parameters: [...pathParameters(path), ...queryParameters(query, schemas)],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, schemas) } } } }),
    responses: { [String(status)]: { description: 'It was done.' }, default: REFUSED },
  }
}

const REFUSED: JsonObject = {
  description: 'It was refused, or failed; nothing has changed.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

function servedOperation(route: Route, facts: OpenApiFacts): JsonObject {
  const { method, operation, isOpen } = route
  const path = pathOf(route)
  const isFree = isOpen || facts.isWhitelisted(path)
  const needed = [...VIRTUAL_KEY, ...(facts.takesAdmin && facts.asksForCredential ? ADMIN : [])]
  return {
    operationId: operationId(method, path),
    summary: operation.replaceAll('_', ' '),
    tags: [route.at === 'control' ? GATEWAY : INFERENCE],
    // An empty choice: it may also come without any.
    security: isOpen || route.at === 'control' ? [] : facts.asksForCredential && !isFree ? named(needed) : [...named(VIRTUAL_KEY), {}],
    parameters: pathParameters(path),
    ...(method !== 'GET' &&
      method !== 'DELETE' && { requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } } }),
    responses: {
      '200': { description: "The answer, in the client's dialect." },
      default: { description: "An error, in the client's dialect." },
    },
  }
}

function named(schemes: readonly string[]): JsonObject[] {
  return schemes.map((name) => ({ [name]: [] }))
}

/** `:id` and `*` of the route table as OpenAPI writes them. */
function pathOf({ path }: Route): string {
  return path.replace(/:(\w+)/g, '{$1}').replace(/\*/g, '{rest}')
}

function operationId(method: string, path: string): string {
  return `${method.toLowerCase()}${path.replace(/[{}]/g, '').replace(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}`
}

function pathParameters(path: string): JsonObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
}

function queryParameters(query: z.ZodObject | undefined, schemas: Record<string, Json>): JsonObject[] {
  if (!query) return []
  const { properties = {} } = schemaOf(query, schemas) as { properties?: Record<string, JsonObject> }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    schema,
    ...(typeof description === 'string' && { description }),
  }))
}

const made = new WeakMap<z.ZodType, JsonObject>()

/** A schema as JSON Schema; what it defines besides goes to the document's own schemas. */
function schemaOf(schema: z.ZodType, schemas: Record<string, Json>): JsonObject {
  const known = made.get(schema) ?? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonObject)
  made.set(schema, known)
  const { $schema: _, $defs: definitions = {}, ...rest } = known as { $schema?: string; $defs?: JsonObject }
  for (const [name, definition] of Object.entries(definitions)) schemas[name] ??= hoisted(definition as Json)
  return hoisted(rest as Json) as JsonObject
}

function hoisted(node: Json): Json {
  if (Array.isArray(node)) return node.map(hoisted)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node as JsonObject)
      .filter(([name]) => name !== 'id' || typeof (node as JsonObject).id !== 'string')
      .map(([name, value]) => [
        name,
        name === '$ref' ? String(value).replace('#/$defs/', '#/components/schemas/') : hoisted((value ?? null) as Json),
      ]),
  )
}
