import type { CommandStartedEvent } from 'mongodb'

/** A query as it was sent: its filter and its sort. */
export interface Query {
  collection: string
  filter: Record<string, unknown>
  sort: Record<string, unknown>
  /** How long the server may look, in milliseconds; undefined: it was not said. */
  maxTimeMS?: number | undefined
}

/** Finds the queries in a command: find, findAndModify, update, delete, aggregate. */
export function queriesOf({ commandName, command }: CommandStartedEvent): Query[] {
  const collection = String(command[commandName])
  const query = (filter: unknown, sort: unknown = {}) => ({ collection, filter, sort: plain(sort) }) as Query
  const { maxTimeMS } = command
  if (commandName === 'find') return [{ ...query(command.filter, command.sort), maxTimeMS }]
  if (commandName === 'aggregate') return [{ ...query(command.pipeline[0].$match), maxTimeMS }]
  if (commandName === 'findAndModify') return [query(command.query, command.sort)]
  if (commandName === 'update') return command.updates.map(({ q }: { q: unknown }) => query(q))
  if (commandName === 'delete') return command.deletes.map(({ q }: { q: unknown }) => query(q))
  return []
}

function plain(sort: unknown): unknown {
  return sort instanceof Map ? Object.fromEntries(sort) : sort
}
