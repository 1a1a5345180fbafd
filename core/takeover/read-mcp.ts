import { isObject, type JsonObject } from '../canonical/json.ts'
import { documentOf, some, type TakenDocument } from './documents.ts'
import type { Reading } from './read-providers.ts'
import { flag, instant, json, names, number, object, type Row, rowsOf, text } from './tables.ts'

/** MCP clients, and the OAuth configurations with the tokens that were had by them. */
export function readMcp({ rows }: Reading): TakenDocument[] {
  const tokens = new Map(rowsOf(rows, 'oauth_tokens').map((row) => [text(row, 'id'), row]))
  return [
    ...rowsOf(rows, 'oauth_configs').flatMap((row) => {
      const id = text(row, 'id')
      return id === undefined ? [] : [documentOf('oauth_configs', id, row, oauthBody(row, tokens.get(text(row, 'token_id'))))]
    }),
    ...rowsOf(rows, 'config_mcp_clients').flatMap((row) => {
      const id = text(row, 'client_id')
      return id === undefined ? [] : [documentOf('mcp_clients', id, row, clientBody(row, id))]
    }),
  ]
}

/** What lives as long as one sign-in (state, code verifier, the client it was for) stays behind. */
function oauthBody(row: Row, token: Row | undefined): JsonObject {
  return {
    id: text(row, 'id'),
    client_id: text(row, 'client_id'),
    client_secret: text(row, 'client_secret'),
    authorize_url: text(row, 'authorize_url'),
    token_url: text(row, 'token_url'),
    registration_url: text(row, 'registration_url'),
    redirect_uri: text(row, 'redirect_uri'),
    server_url: text(row, 'server_url'),
    use_discovery: flag(row, 'use_discovery') === true ? true : undefined,
    scopes: scopes(row),
    status: text(row, 'status'),
    ...(token ? tokenBody(token) : {}),
  }
}

function tokenBody(row: Row): JsonObject {
  return {
    access_token: text(row, 'access_token'),
    refresh_token: text(row, 'refresh_token'),
    token_type: text(row, 'token_type'),
    token_expires_at: instant(row, 'expires_at'),
    token_scopes: scopes(row),
  }
}

function scopes(row: Row): string[] | undefined {
  const cell = text(row, 'scopes')
  if (cell === undefined) return undefined
  return some(cell.startsWith('[') ? (names(row, 'scopes') ?? []) : cell.split(/[,\s]+/).filter((scope) => scope !== ''))
}

/** Lists of a client meant in 1.4 what they mean now: none by an empty one. */
function clientBody(row: Row, id: string): JsonObject {
  return {
    client_id: id,
    name: text(row, 'name'),
    connection_type: text(row, 'connection_type'),
    connection_string: text(row, 'connection_string'),
    stdio_config: stdioBody(object(row, 'stdio_config_json')),
    auth_type: text(row, 'auth_type'),
    oauth_config_id: text(row, 'oauth_config_id'),
    headers: object(row, 'headers_json'),
    tools_to_execute: names(row, 'tools_to_execute_json') ?? [],
    tools_to_auto_execute: some(names(row, 'tools_to_auto_execute_json') ?? []),
    allowed_extra_headers: some(names(row, 'allowed_extra_headers_json') ?? []),
    is_code_mode_client: flag(row, 'is_code_mode_client') === true ? true : undefined,
    is_ping_available: flag(row, 'is_ping_available') === false ? false : undefined,
    tool_pricing: object(row, 'tool_pricing_json'),
    tool_sync_interval: interval(number(row, 'tool_sync_interval') ?? 0),
  }
}

function stdioBody(block: JsonObject | undefined): JsonObject | undefined {
  return block && Object.fromEntries(Object.entries(block).filter(([, value]) => value !== null))
}

/** The column counts minutes; 0: as all do; below: never. */
function interval(minutes: number): string | number | undefined {
  if (minutes === 0) return undefined
  return minutes < 0 ? -1 : `${minutes}m`
}

/** Prompts with their folders, versions and sessions, each with its messages in order. */
export function readPrompts({ rows }: Reading): TakenDocument[] {
  const versions = messagesBy(rowsOf(rows, 'prompt_version_messages'), 'version_id')
  const sessions = messagesBy(rowsOf(rows, 'prompt_session_messages'), 'session_id')
  const read = (collection: string, row: Row, fields: JsonObject): TakenDocument[] => {
    const id = text(row, 'id')
    return id === undefined ? [] : [documentOf(collection, id, row, { id, ...fields })]
  }
  return [
    ...rowsOf(rows, 'folders').flatMap((row) =>
      read('prompt_folders', row, { name: text(row, 'name'), description: text(row, 'description') }),
    ),
    ...rowsOf(rows, 'prompts').flatMap((row) => read('prompts', row, { name: text(row, 'name'), folder_id: text(row, 'folder_id') })),
    ...rowsOf(rows, 'prompt_versions').flatMap((row) =>
      read('prompt_versions', row, {
        ...modelOf(row),
        version_number: number(row, 'version_number'),
        commit_message: text(row, 'commit_message'),
        is_latest: flag(row, 'is_latest') ?? false,
        messages: versions.get(text(row, 'id') ?? '') ?? [],
      }),
    ),
    ...rowsOf(rows, 'prompt_sessions').flatMap((row) =>
      read('prompt_sessions', row, {
        ...modelOf(row),
        version_id: text(row, 'version_id'),
        name: text(row, 'name'),
        messages: sessions.get(text(row, 'id') ?? '') ?? [],
      }),
    ),
  ]
}

function modelOf(row: Row): JsonObject {
  return {
    prompt_id: text(row, 'prompt_id'),
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    model_params: json(row, 'model_params_json'),
  }
}

function messagesBy(rows: readonly Row[], owner: string): ReadonlyMap<string, JsonObject[]> {
  const groups = new Map<string, JsonObject[]>()
  const inOrder = [...rows].sort((a, b) => (number(a, 'order_index') ?? 0) - (number(b, 'order_index') ?? 0))
  for (const row of inOrder) {
    const [id, message] = [text(row, owner), json(row, 'message_json')]
    if (id === undefined || !isObject(message)) continue
    const known = groups.get(id) ?? []
    known.push({ id: number(row, 'id'), order_index: number(row, 'order_index'), message })
    groups.set(id, known)
  }
  return groups
}
