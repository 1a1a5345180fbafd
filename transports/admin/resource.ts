import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Held } from '../../core/config/live/held.ts'
import { plainBody } from '../../core/config/live/held.ts'
import { GatewayError } from '../../core/errors.ts'
import { type PageQuery, page, pageQuery } from './page.ts'
import type { AdminReply, AdminRoute } from './router.ts'
import { flattened, withStoredSecrets } from './secrets.ts'
import { type AdminTools, found, write, written } from './tools.ts'
import { withStoredUsage } from './usage.ts'

/** A kind of entity that the API lists, makes, changes and removes in the usual way. */
export interface Resource {
  collection: string
  /** `/api/governance/teams`. */
  path: string
  /** Name of the id in the path. */
  idName: string
  tag: string
  /** As messages call it: `Team`. */
  noun: string
  /** Field of an answer that holds one. */
  single: string
  /** Field of an answer that holds a list. */
  plural: string
  /** Fields that a list can be asked for by, besides `search` (in names). */
  filters?: readonly string[]
  /** What of a payload is looked at first; the collection's own schema has the last word. */
  payload: z.ZodObject
  /** That schema. */
  documented: z.ZodObject
  /** Fields without which there is none. */
  required?: readonly string[]
  /** The entity as the API shows it. */
  show?(held: Held): JsonObject
  /** The body of a new or changed entity, from what was sent and what stands there. */
  merge?(sent: JsonObject, current: Held | undefined): JsonObject
  /** Told when one was made, before it is shown. */
  onMade?(id: string): void
  /** Before it goes: what refers to it. */
  onRemove?(id: string): Promise<void>
  /** Status of an answer to a creation; 200 unless said. */
  created?: number
  /** Sorts a list by a field; undefined: by no such field. */
  sorts?: Readonly<Record<string, (one: Held, other: Held) => number>>
}

/** The five routes of a resource. */
export function resourceRoutes(tools: AdminTools, resource: Resource): AdminRoute[] {
  const { collection, path, idName, tag, noun, single, payload, required = [] } = resource
  const shown = (held: Held): JsonObject =>
    resource.show ? resource.show(held) : { ...plainBody(held.body), id: held.id, ...stamps(held) }
  const idOf = (params: Readonly<Record<string, string>>): string => params[idName] ?? ''
  const lower = noun.toLowerCase()
  const changes = payload.extend({ id: z.string({ error: 'must be a string' }).optional() })
  const creation = changes.refine((body) => required.every((name) => body[name] !== undefined && body[name] !== ''), {
    error: `${required[0]} is required`,
    path: [required[0] ?? 'body'],
  })
  return [
    {
      method: 'GET',
      path,
      summary: `All ${resource.plural.replaceAll('_', ' ')}`,
      tag,
      query: pageQuery,
      handle: ({ query }) => list(tools, resource, { query, shown }),
    },
    {
      method: 'POST',
      path,
      summary: `Add a ${lower}`,
      tag,
      body: creation,
      documented: resource.documented,
      ...(resource.created !== undefined && { status: resource.created }),
      handle: ({ body }) => create(tools, resource, { body, shown }),
    },
    {
      method: 'GET',
      path: `${path}/{${idName}}`,
      summary: `One ${lower}`,
      tag,
      handle: ({ params }) => ({ [single]: shown(found(tools, collection, idOf(params), lower)) }),
    },
    {
      method: 'PUT',
      path: `${path}/{${idName}}`,
      summary: `Change a ${lower}: what is sent replaces what stands there`,
      tag,
      body: changes,
      documented: resource.documented,
      async handle({ params, body }) {
        const id = idOf(params)
        found(tools, collection, id, lower)
        const { held, ...change } = await write(tools, [collection, id, edit(tools, resource, { id, body, isNew: false })])
        return written({ message: `${noun} updated successfully`, ...(held && { [single]: shown(held) }) }, change)
      },
    },
    {
      method: 'DELETE',
      path: `${path}/{${idName}}`,
      summary: `Remove a ${lower}`,
      tag,
      async handle({ params }) {
        const id = idOf(params)
        found(tools, collection, id, lower)
        await resource.onRemove?.(id)
        const { held: _, ...change } = await write(tools, [collection, id, () => undefined])
        return written({ message: `${noun} deleted successfully` }, change)
      },
    },
  ]
}

/** When an entity was made and changed, as the store knows. */
export function stamps({ body }: Held): JsonObject {
  return { created_at: body.created_at ?? null, updated_at: body.updated_at ?? null }
}

interface Shown {
  shown(held: Held): JsonObject
}

function list({ config }: AdminTools, resource: Resource, { query, shown }: Shown & { query: URLSearchParams }): JsonObject | AdminReply {
  const wanted = (resource.filters ?? []).flatMap((name) => (query.get(name) ? [[name, query.get(name)] as const] : []))
  const search = (query.get('search') ?? '').toLowerCase()
  const matches = [...config.entities.all(resource.collection).values()].filter(
    ({ id, body }) =>
      wanted.every(([name, value]) => body[name] === value) &&
      (search === '' ||
        String(body.name ?? body.model_name ?? id)
          .toLowerCase()
          .includes(search)),
  )
  return page(matches.sort(orderOf(resource, query)), Object.fromEntries(query) as PageQuery, { plural: resource.plural, shown })
}

function orderOf({ sorts = {} }: Resource, query: URLSearchParams): (one: Held, other: Held) => number {
  const name = query.get('sort_by') ?? 'created_at'
  const known = { ...SORTS, ...sorts }
  const compare = Object.hasOwn(known, name) ? known[name] : undefined
  if (!compare)
    throw new GatewayError('GW_INVALID_REQUEST', {
      param: 'sort_by',
      reason: `must be one of ${Object.keys(known).join(', ')}`,
    })
  const sign = query.get('order') === 'desc' ? -1 : 1
  return (one, other) => sign * (compare(one, other) || byText(one.id, other.id))
}

/** The order of a list of which nothing else is asked: what was made first comes first. */
export function byAge(one: Held, other: Held): number {
  return byText(one.body.created_at, other.body.created_at) || byText(one.id, other.id)
}

function byText(one: unknown, other: unknown): number {
  return String(one ?? '') < String(other ?? '') ? -1 : String(one ?? '') > String(other ?? '') ? 1 : 0
}

const SORTS: Readonly<Record<string, (one: Held, other: Held) => number>> = {
  created_at: (one, other) => byText(one.body.created_at, other.body.created_at),
  name: (one, other) => byText(one.body.name ?? one.id, other.body.name ?? other.id),
}

async function create(tools: AdminTools, resource: Resource, { body, shown }: Shown & { body: JsonObject }): Promise<AdminReply> {
  const id = typeof body.id === 'string' && body.id !== '' ? body.id : tools.newId()
  const { held, ...change } = await write(tools, [resource.collection, id, edit(tools, resource, { id, body, isNew: true })])
  resource.onMade?.(id)
  const answer = { message: `${resource.noun} created successfully`, ...(held && { [resource.single]: shown(held) }) }
  return written(answer, { ...change, ...(resource.created !== undefined && { usual: resource.created }) })
}

/** Names are told apart before the store does, so that two machines in a race are the only case that it has to see. */
function edit({ config }: AdminTools, resource: Resource, { id, body, isNew }: { id: string; body: JsonObject; isNew: boolean }) {
  const { collection, noun, merge = over } = resource
  return (current: Held | undefined): JsonObject => {
    if (isNew && current) throw new GatewayError('GW_CONFLICT', { reason: `${noun.toLowerCase()} "${id}" exists already` })
    if (!isNew && !current) throw new GatewayError('GW_NOT_FOUND', { what: `${noun.toLowerCase()} "${id}"` })
    refuseTakenName(config, resource, { id, name: body.name })
    const next = { ...merge(flattened(body) as JsonObject, current), id }
    return withStoredUsage(withStoredSecrets(collection, id, { next, current: current?.body }), current?.body)
  }
}

function refuseTakenName(
  { entities }: AdminTools['config'],
  { collection, noun }: Resource,
  { id, name }: { id: string; name: unknown },
): void {
  if (typeof name !== 'string' || collection === 'pricing_overrides') return
  const other = entities.idsBy(collection, 'name', name).find((each) => each !== id)
  if (other !== undefined)
    throw new GatewayError('GW_CONFLICT', { reason: `a ${noun.toLowerCase()} with the name "${name}" exists already` })
}

/** What is sent replaces what stands there, field by field; null takes a field away. */
export function over(sent: JsonObject, current: Held | undefined): JsonObject {
  const merged: JsonObject = { ...(current && plainBody(current.body)), ...sent }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined))
}
