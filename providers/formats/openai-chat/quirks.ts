import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import type { Quirks } from '../../../core/provider.ts'

/**
 * Fits a body of this format to a provider's deviations. The body is not changed: what differs is copied. Fields named by
 * `drop` are the client's names, so they go before `rename`; `dropTranslated` are those that only translated bodies lose. `dropped` lists
 * what the client had said and the provider will not hear. `reasoningField` is about answers and says nothing here.
 */
export function applyQuirks(
  body: JsonObject,
  quirks: Quirks,
  dropTranslated: readonly string[] = [],
): { body: JsonObject; dropped: readonly string[] } {
  const fitted: JsonObject = { ...body }
  const dropped: string[] = []
  for (const name of quirks.drop ?? []) if (remove(fitted, name)) dropped.push(name)
  for (const name of dropTranslated) if (remove(fitted, name)) dropped.push(name)
  for (const name in quirks.defaults) fitted[name] ??= quirks.defaults[name]
  for (const name in quirks.clamp) {
    const [least, most] = quirks.clamp[name] as readonly [number, number]
    const value = fitted[name]
    if (typeof value === 'number') fitted[name] = Math.min(Math.max(value, least), most)
  }
  if (quirks.effort) fitEffort(fitted, quirks.effort)
  if (quirks.systemRole && Array.isArray(fitted.messages))
    fitted.messages = fitted.messages.map((message) => withRole(message, quirks.systemRole))
  for (const ours in quirks.rename) {
    const theirs = quirks.rename[ours] as string
    const value = fitted[ours]
    if (remove(fitted, ours)) fitted[theirs] = value
  }
  if (quirks.patch) dropped.push(...quirks.patch(fitted))
  return { body: fitted, dropped }
}

/** Whether the field was there and said something. */
function remove(body: JsonObject, name: string): boolean {
  if (!Object.hasOwn(body, name)) return false
  const value = body[name]
  delete body[name]
  return value !== undefined && value !== null
}

function fitEffort(body: JsonObject, table: Readonly<Record<string, string>>): void {
  if (body.reasoning_effort !== undefined) body.reasoning_effort = fit(body.reasoning_effort, table)
  if (isObject(body.reasoning)) body.reasoning = { ...body.reasoning, effort: fit(body.reasoning.effort, table) }
}

function fit(effort: Json | undefined, table: Readonly<Record<string, string>>): Json | undefined {
  return typeof effort === 'string' && Object.hasOwn(table, effort) ? table[effort] : effort
}

function withRole(message: Json, role: string | undefined): Json {
  return isObject(message) && message.role === 'developer' ? { ...message, role } : message
}
