import type { JsonObject } from '../../canonical/json.ts'
import type { Lookup } from '../entities.ts'
import { suggestion } from '../problems.ts'
import { checkLimits } from './limits.ts'
import { checkKeyOf, checkProviderName, checkReference, objectsOf, type Subject, textOf, textsOf } from './subject.ts'

/** A virtual key: one owner, known providers, keys and MCP clients, each once. */
export function checkVirtualKey(subject: Subject): void {
  const { body, report } = subject
  const [team, customer] = [textOf(body, 'team_id'), textOf(body, 'customer_id')]
  if (team !== undefined && customer !== undefined)
    report(['customer_id'], 'excludes team_id: a virtual key belongs to a team or to a customer')
  checkReference(subject, ['team_id'], { collection: 'teams', id: team })
  checkReference(subject, ['customer_id'], { collection: 'customers', id: customer })
  checkReference(subject, ['access_profile_id'], { collection: 'access_profiles', id: textOf(body, 'access_profile_id') })
  checkLimits(subject, [], withoutFormer(body))
  checkProviderConfigs(subject)
  checkMcpConfigs(subject)
}

/** Without the name of v1.4, which the schema refuses. */
function withoutFormer({ budget_id: _, ...body }: JsonObject): JsonObject {
  return body
}

function checkProviderConfigs(subject: Subject): void {
  const seen = new Set<string>()
  for (const [index, config] of objectsOf(subject.body.provider_configs)) {
    const at = ['provider_configs', index]
    const provider = textOf(config, 'provider')
    checkLimits(subject, at, withoutFormer(config))
    if (provider === undefined) continue
    if (seen.has(provider)) subject.report([...at, 'provider'], `"${provider}" appears twice`)
    seen.add(provider)
    if (!checkProviderName(subject, [...at, 'provider'], provider)) continue
    const ids = textsOf(config.key_ids)
    if (ids.some(([, id]) => id === '*')) continue
    for (const [place, key] of ids) checkKeyOf(subject, [...at, 'key_ids', place], { provider, key })
  }
}

function checkMcpConfigs(subject: Subject): void {
  const { lookup, report } = subject
  const seen = new Set<string>()
  for (const [index, config] of objectsOf(subject.body.mcp_configs)) {
    const at = ['mcp_configs', index]
    const [name, id] = [textOf(config, 'mcp_client_name'), textOf(config, 'mcp_client_id')]
    if (name === undefined && id === undefined) report(at, 'needs mcp_client_name or mcp_client_id')
    if (name !== undefined && id !== undefined) report([...at, 'mcp_client_id'], 'excludes mcp_client_name; keep one of the two')
    const client = findClient(subject, config)
    const said = name ?? id
    if (said === undefined) continue
    const field = name === undefined ? 'mcp_client_id' : 'mcp_client_name'
    if (client === undefined) report([...at, field], `there is no MCP client "${said}"${suggestion(said, clientNames(lookup))}`)
    else if (seen.has(client)) report([...at, field], `"${said}" appears twice`)
    if (client !== undefined) seen.add(client)
  }
}

function clientNames(lookup: Lookup): string[] {
  return [...lookup.ids('mcp_clients')].flatMap((id) => textOf(lookup.get('mcp_clients', id) ?? {}, 'name') ?? [])
}

function findClient({ lookup }: Subject, config: JsonObject): string | undefined {
  const [name, id] = [textOf(config, 'mcp_client_name'), textOf(config, 'mcp_client_id')]
  if (name !== undefined) return lookup.idsBy('mcp_clients', 'name', name)[0]
  return id !== undefined && lookup.get('mcp_clients', id) !== undefined ? id : undefined
}
