import { isObject, type Json, parseObject } from '../canonical/json.ts'

/** Field and header names whose values are credentials. Also used by the log. */
export const SECRET_NAME =
  /^(?:value|authorization|proxy-authorization|cookie|set-cookie)$|api[-_]?key$|key[-_]?pem$|(?:^|[-_])(?:key|token|secret|password|passwd|credentials?)$|(?:Key|Token|Secret|Password|Credentials)$/i

/** Every text in a configuration that is a credential by its name, and the user part of URLs. */
export function secretsIn(tree: Json): string[] {
  const found = new Set<string>()
  collect(tree, '', found)
  return [...found]
}

/** A virtual key as the log masks it without knowing it (redact.ts). */
const LOOKS_SECRET = /^sk-[\w-]{12,}$/

/**
 * The same of a whole configuration, without virtual keys that look like secrets anyway: there may be 100,000 of them, each log line would
 * be searched for each, and no data thread holds any.
 */
export function configSecrets(tree: Json): string[] {
  const governance = isObject(tree) ? tree.governance : undefined
  if (!isObject(tree) || !isObject(governance) || !Array.isArray(governance.virtual_keys)) return secretsIn(tree)
  const keys = (governance.virtual_keys as readonly Json[]).filter(
    (key) => !isObject(key) || typeof key.value !== 'string' || !LOOKS_SECRET.test(key.value.trim()),
  )
  return secretsIn({ ...tree, governance: { ...governance, virtual_keys: keys } })
}

function collect(node: Json | undefined, name: string, found: Set<string>): void {
  if (typeof node === 'string') {
    if (SECRET_NAME.test(name)) addCredential(node.trim(), found)
    else if (node.includes('@')) addUserPart(node, found)
  } else if (Array.isArray(node)) {
    for (const item of node as readonly Json[]) collect(item, name, found)
  } else if (isObject(node)) {
    for (const [field, value] of Object.entries(node)) collect(value, field, found)
  }
}

/** `Bearer abc` is a secret, and so is `abc`. */
function addCredential(text: string, found: Set<string>): void {
  for (const part of [text, text.slice(text.indexOf(' ') + 1)]) if (part !== '') found.add(part)
  // A whole account as text: the private key in it is one as well.
  if (text.startsWith('{')) collect(parseObject(text), '', found)
}

/** Also of addresses with several hosts, as databases have, which are no URLs. */
const USER_PART = /^[a-z][a-z\d+.-]*:\/\/[^:@/]*:([^@/]+)@/i

function addUserPart(text: string, found: Set<string>): void {
  const password = URL.parse(text)?.password || USER_PART.exec(text)?.[1]
  if (!password) return
  found.add(password)
  // Such as a driver quotes it.
  if (password.includes('%')) found.add(decoded(password))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
