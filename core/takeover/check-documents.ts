import type { JsonObject } from '../canonical/json.ts'
import type { Builtins } from '../config/builtins.ts'
import { indexEntities } from '../config/entities.ts'
import { ENTITY_SCHEMAS, type EntityCollection, readEntity } from '../config/entity-schemas.ts'
import { type Environment, resolveEnv } from '../config/env.ts'
import { pathText } from '../config/problems.ts'
import type { TakenDocument } from './documents.ts'
import type { Note } from './notes.ts'

/** What documents are checked against. */
export interface Validity {
  builtins: Builtins
  env: Environment
}

/**
 * What this gateway would refuse among documents of the original, which was less strict in places, by the schemas and rules of its own
 * configuration. A variable that is not set here may be where the gateway runs: what depends on one is passed over.
 */
export function checkDocuments(documents: readonly TakenDocument[], { builtins, env }: Validity): Note[] {
  const checked = documents.map(({ collection, id, body }) => {
    const { value, unresolved } = resolveEnv(withoutBookkeeping(body), env)
    return { collection, id, body: value as JsonObject, unresolved }
  })
  const context = { lookup: indexEntities(checked), builtins }
  return checked.flatMap(({ unresolved, ...entity }) => {
    if (!Object.hasOwn(ENTITY_SCHEMAS, entity.collection)) return []
    const { problems } = readEntity({ ...entity, collection: entity.collection as EntityCollection }, context)
    return problems
      .filter(({ path }) => !unresolved.has(pathText(path)))
      .map(({ path, message }) => ({
        entity: `${entity.collection} ${nameOf(entity)}`,
        detail: [pathText(path), message].filter(Boolean).join(' '),
      }))
  })
}

function withoutBookkeeping({ created_at: _, updated_at: __, value_hash: ___, ...body }: JsonObject): JsonObject {
  return body
}

function nameOf({ id, body }: { id: string; body: JsonObject }): string {
  return JSON.stringify(typeof body.name === 'string' ? body.name : id)
}
