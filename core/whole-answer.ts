import { isObject, type JsonObject, parseFaithfully } from './canonical/json.ts'
import { GatewayError } from './errors.ts'
import type { Format } from './format.ts'
import type { Scan } from './scan.ts'
import { latin1, utf8 } from './text.ts'
import { providerFault } from './upstream/fault.ts'

/**
 * A whole answer of a provider. `passes`: the client speaks its format and can read the bytes as they are; else `body` is
 * what they say. Throws GW_UPSTREAM_INVALID for what is no JSON object, GW_UPSTREAM_ERROR for an error with status 200.
 */
export function openWhole(
  bytes: Buffer,
  format: Format,
  { isSameFormat, request }: { isSameFormat: boolean; request: Scan | undefined },
): { passes: true } | { passes: false; body: JsonObject } {
  if (bytes.length === 0) throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is empty' })
  const { fitsWhole } = format.lens
  const passes = isSameFormat && (fitsWhole?.(latin1(bytes), request) ?? true)
  // An answer that fits has its choices, so that it is no error.
  if (passes && (fitsWhole !== undefined || !bytes.includes('"error"')) && isObjectText(bytes)) return { passes }
  const body = parseAnswer(utf8(bytes), format.listAs)
  if (isObject(body.error) && body.choices === undefined) throw providerFault(format, utf8(bytes))
  return passes ? { passes } : { passes, body }
}

/** Whether the text begins and ends as an object does: what goes through unread is not parsed, but a cut must be noticed. */
function isObjectText(body: Buffer): boolean {
  let start = 0
  let end = body.length - 1
  while ((body[start] as number) <= 0x20 && start < end) start++
  while ((body[end] as number) <= 0x20 && end > start) end--
  return body[start] === 0x7b && body[end] === 0x7d
}

function parseAnswer(text: string, listAs: string | undefined): JsonObject {
  try {
    const parsed = parseFaithfully(text)
    if (isObject(parsed)) return parsed
    if (listAs !== undefined && Array.isArray(parsed)) return { [listAs]: parsed }
  } catch (cause) {
    throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is not JSON' }, { cause })
  }
  throw new GatewayError('GW_UPSTREAM_INVALID', { reason: 'the body is not a JSON object' })
}
