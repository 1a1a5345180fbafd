import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import type { Path } from './problems.ts'
import type { Report } from './provider-checks.ts'

/** A setting that promises protection and that this version does not keep: a gateway that would start with it would be open. */
interface Unkept {
  path: Path
  /** Places that are turned on, below the path; none: it may stay. */
  isOn(value: Json): readonly Path[]
  message: string
}

const isEnabled = (value: Json) => (isObject(value) && value.enabled === true ? [['enabled']] : [])

/** Refused at boot while they are turned on. A feature that comes takes its row out. */
const UNKEPT: readonly Unkept[] = [
  {
    path: ['guardrails_config', 'guardrail_rules'],
    isOn: (value) => rulesThatAreOn(value),
    message: 'cannot be enforced by this version: no text is checked; take the rule out or say enabled: false',
  },
  { path: ['scim_config'], isOn: isEnabled, message: 'cannot be enforced by this version: nobody signs in by a directory; say false' },
  {
    path: ['access_profiles'],
    isOn: (value) => (Array.isArray(value) && value.length > 0 ? [[]] : []),
    message: 'cannot be applied by this version: no user gets a virtual key from them; take them out',
  },
  {
    path: ['audit_logs'],
    isOn: (value) => (isObject(value) && value.disabled !== true ? [[]] : []),
    message: 'cannot be kept by this version; take the block out or say disabled: true',
  },
  {
    path: ['cluster_config'],
    isOn: isEnabled,
    message: 'is not served by this version: limits would count on each machine alone; say false',
  },
]

/** Reports what would be promised and not kept. */
export function checkServed(tree: Json, report: Report): void {
  for (const { path, isOn, message } of UNKEPT) {
    const value = path.reduce<Json | undefined>((node, step) => (isObject(node) ? node[step] : undefined), tree)
    for (const inner of value === undefined ? [] : isOn(value)) report([...path, ...inner], message)
  }
}

function rulesThatAreOn(value: Json): readonly Path[] {
  if (!Array.isArray(value)) return []
  return (value as readonly Json[]).flatMap((rule, index) => (isObject(rule) && (rule as JsonObject).enabled !== false ? [[index]] : []))
}
