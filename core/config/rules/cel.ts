import { createRequire } from 'node:module'
import type { parse } from '@bufbuild/cel'

/** What expressions of routing rules may read (platform.md 2.5). */
export const CEL_VARIABLES = [
  'model',
  'provider',
  'request_type',
  'headers',
  'params',
  'virtual_key_id',
  'virtual_key_name',
  'team_id',
  'team_name',
  'customer_id',
  'customer_name',
  'tokens_used',
  'request',
  'budget_used',
] as const
/** Names of types, which are values in CEL. */
const TYPES = ['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint', 'google']
const KNOWN: ReadonlySet<string> = new Set([...CEL_VARIABLES, ...TYPES])

type Expression = NonNullable<ReturnType<typeof parse>['expr']>

/** Read when the first expression is: a configuration without routing rules does not pay for it (125 ms of a start). */
const require = createRequire(import.meta.url)

/** What is wrong with an expression of a routing rule, as a sentence; undefined: nothing that can be told before it runs. */
export function celFault(text: string): string | undefined {
  if (text.trim() === '') return undefined
  try {
    const cel = require('@bufbuild/cel') as { parse: typeof parse }
    const { expr } = cel.parse(text)
    return expr && (unknownName(expr, new Set()) ?? wrongResult(expr))
  } catch (error) {
    if (error instanceof RangeError) return 'is nested too deeply'
    return `is no CEL expression: ${(error as Error).message.replace(/^<input>:(\d+):(\d+): /, 'line $1, column $2: ')}`
  }
}

function wrongResult({ exprKind }: Expression): string | undefined {
  const isOther =
    (exprKind.case === 'constExpr' && exprKind.value.constantKind.case !== 'boolValue') ||
    exprKind.case === 'listExpr' ||
    exprKind.case === 'structExpr'
  return isOther ? 'must be true or false' : undefined
}

/** The first name that is neither a variable nor a type, nor made by a macro around it. */
function unknownName({ exprKind }: Expression, own: ReadonlySet<string>): string | undefined {
  const first = (parts: readonly (Expression | undefined)[], names = own): string | undefined => {
    for (const part of parts) {
      const found = part && unknownName(part, names)
      if (found !== undefined) return found
    }
    return undefined
  }
  switch (exprKind.case) {
    case 'identExpr':
      return KNOWN.has(exprKind.value.name) || own.has(exprKind.value.name) ? undefined : `there is no variable "${exprKind.value.name}"`
    case 'selectExpr':
      return first([exprKind.value.operand])
    case 'callExpr':
      return first([exprKind.value.target, ...exprKind.value.args])
    case 'listExpr':
      return first(exprKind.value.elements)
    case 'structExpr':
      return first(exprKind.value.entries.flatMap(({ keyKind, value }) => [keyKind.case === 'mapKey' ? keyKind.value : undefined, value]))
    case 'comprehensionExpr': {
      const { iterRange, iterVar, iterVar2, accuVar, accuInit, loopCondition, loopStep, result } = exprKind.value
      const inner = new Set([...own, iterVar, iterVar2, accuVar])
      return first([iterRange, accuInit]) ?? first([loopCondition, loopStep, result], inner)
    }
    default:
      return undefined
  }
}
