import { GatewayError } from '../errors.ts'
import type { HookName } from './hooks.ts'

/** What is done to the value a hook hands on, and what a handler may answer. */
export interface HookRules {
  /** Freezes what the next handler gets, so that no plugin can change what another one sees. */
  freeze?: (value: unknown) => void
  /** What is wrong with an answer; undefined when it is good. */
  fault(answer: unknown): string | undefined
}

/** One row per hook; `undefined` as an answer ("nothing to say") never gets here. */
export const HOOK_RULES = {
  preRequest: {
    fault: (answer) =>
      isPlain(answer) && (isPlain(answer.response) || Array.isArray(answer.parts) || isPlain(answer.answer))
        ? undefined
        : 'an answer has response, parts or answer',
  },
  governance: {
    fault: (answer) => (answer instanceof GatewayError ? undefined : 'a refusal is a GatewayError, and consent is undefined'),
  },
  keySelection: { freeze: freezeList, fault: (answer) => listFault(answer, isCandidate, 'candidates') },
  stream: { freeze: freezeList, fault: (answer) => listFault(answer, isStage, 'stages') },
  postHook: {
    freeze: freezeDeep,
    fault: (answer) => (isOutcome(answer) ? undefined : 'an outcome is { ok: true, ... } or { ok: false, error: GatewayError }'),
  },
} satisfies Record<HookName, HookRules>

type Plain = Record<string, unknown>

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
function listFault(answer: unknown, isMember: (value: unknown) => boolean, what: string): string | undefined {
  return Array.isArray(answer) && answer.every(isMember) ? undefined : `the answer is no list of ${what}`
}
function isCandidate(value: unknown): boolean {
  return isPlain(value) && isPlain(value.provider) && typeof value.model === 'string' && typeof value.weight === 'number'
}
function isStage(value: unknown): boolean {
  if (!isPlain(value)) return false
  return (
    (value.on === 'bytes' || value.on === 'frames' || value.on === 'parts') &&
    (isPlain(value.fold) || isPlain(value.ref) || isPlain(value.async))
  )
}
function isOutcome(value: unknown): boolean {
  return isPlain(value) && (value.ok === true || (value.ok === false && value.error instanceof GatewayError))
}

function freezeList(list: unknown): void {
  if (!Array.isArray(list) || Object.isFrozen(list)) return
  for (const member of list) Object.freeze(member)
  Object.freeze(list)
}

/** Freezes plain objects and lists all the way down; leaves class instances (errors, bytes) as they are. */
export function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return
  Object.freeze(value)
  for (const member of Object.values(value)) freezeDeep(member)
}
