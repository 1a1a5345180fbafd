import { isObject, type Json, type JsonObject } from '../../../core/canonical/json.ts'
import { GatewayError } from '../../../core/errors.ts'

/** Refuses an answer of a provider that lacks what the operation is about. */
export function badAnswer(reason: string): never {
  throw new GatewayError('GW_UPSTREAM_INVALID', { reason })
}

/** A list of objects in an answer. Throws GW_UPSTREAM_INVALID for anything else. */
export function answerList(value: Json | undefined, name: string): readonly JsonObject[] {
  return Array.isArray(value) && value.every(isObject) ? (value as readonly JsonObject[]) : badAnswer(`"${name}" is no list of objects`)
}

/** A vector in an answer. Throws GW_UPSTREAM_INVALID for anything else. */
export function vector(value: Json | undefined, name: string): readonly number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number')
    ? (value as readonly number[])
    : badAnswer(`"${name}" is no vector`)
}

/** A number in an answer. Throws GW_UPSTREAM_INVALID for anything else. */
export function answerNumber(value: Json | undefined, name: string): number {
  return typeof value === 'number' ? value : badAnswer(`"${name}" is no number`)
}
