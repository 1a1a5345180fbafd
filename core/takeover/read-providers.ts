import { isObject, type Json, type JsonObject } from '../canonical/json.ts'
import { upgradeProvider } from '../config/migrations/v1.ts'
import { keyId } from '../config/provider-settings.ts'
import { REQUEST_TYPES } from '../config/request-types.ts'
import { documentOf, groupBy, type TakenDocument } from './documents.ts'
import type { NoteBook } from './notes.ts'
import { compact, flag, json, names, number, object, type Row, type Rows, rowsOf, stamps, text } from './tables.ts'

/** Where each column of a key stands in the key's body. */
const KEY_COLUMNS: Readonly<Record<string, readonly [block: string, field: string]>> = {
  azure_endpoint: ['azure_key_config', 'endpoint'],
  azure_api_version: ['azure_key_config', 'api_version'],
  azure_client_id: ['azure_key_config', 'client_id'],
  azure_client_secret: ['azure_key_config', 'client_secret'],
  azure_tenant_id: ['azure_key_config', 'tenant_id'],
  vertex_project_id: ['vertex_key_config', 'project_id'],
  vertex_project_number: ['vertex_key_config', 'project_number'],
  vertex_region: ['vertex_key_config', 'region'],
  vertex_auth_credentials: ['vertex_key_config', 'auth_credentials'],
  bedrock_access_key: ['bedrock_key_config', 'access_key'],
  bedrock_secret_key: ['bedrock_key_config', 'secret_key'],
  bedrock_session_token: ['bedrock_key_config', 'session_token'],
  bedrock_region: ['bedrock_key_config', 'region'],
  bedrock_arn: ['bedrock_key_config', 'arn'],
  bedrock_role_arn: ['bedrock_key_config', 'role_arn'],
  bedrock_external_id: ['bedrock_key_config', 'external_id'],
  bedrock_role_session_name: ['bedrock_key_config', 'session_name'],
  vllm_url: ['vllm_key_config', 'url'],
  vllm_model_name: ['vllm_key_config', 'model_name'],
}
const DEPLOYMENTS: Readonly<Record<string, string>> = {
  azure_deployments_json: 'azure_key_config',
  vertex_deployments_json: 'vertex_key_config',
  bedrock_deployments_json: 'bedrock_key_config',
  replicate_deployments_json: 'replicate_key_config',
}

/** What the readers are given besides the rows. */
export interface Reading {
  rows: Rows
  book: NoteBook
  /** Blocks of keys that hold the server's URL, by their providers. */
  keyUrls: Readonly<Record<string, string>>
  /** Plugins that this gateway has. */
  plugins: ReadonlySet<string>
}

/** Providers, their keys, what limits them, and their prices. */
export function readProviders(reading: Reading): TakenDocument[] {
  const { rows } = reading
  const keys = groupBy(rows, 'config_keys', 'provider_id')
  return rowsOf(rows, 'config_providers').flatMap((row) => {
    const name = text(row, 'name')
    if (name === undefined) return []
    const own = keys.get(text(row, 'id') ?? '') ?? []
    return [...upgraded(row, { name, keys: own }, reading), ...readLimits(row, name), ...readPrices(row, name, reading.book)]
  })
}

/** The provider and its keys by the rules of a configuration file. */
function upgraded(row: Row, { name, keys }: { name: string; keys: readonly Row[] }, { book, keyUrls }: Reading): TakenDocument[] {
  const before = keys.map(keyBody)
  const entityAt = (index: unknown) =>
    typeof index === 'number' ? `key "${String(before[index]?.name)}" of ${name}` : `provider "${name}"`
  const block = { ...compact(providerBody(row, name, book)), ...stamps(row), keys: before }
  const at = { name, path: ['providers', name], options: { keyUrls } }
  const { keys: after, ...body } = upgradeProvider(block, at, (rule, path) => book.changed(rule, entityAt(path[3])))
  const documents = (Array.isArray(after) ? after : []).filter(isObject).map((key: JsonObject): TakenDocument => {
    const id = keyId(name, key)
    // A key that a rule made has nothing but its name and its place.
    const made = key.id === undefined ? { weight: 1, enabled: true, ...stamps(row) } : {}
    return { collection: 'keys', id, body: compact({ id, provider: name, ...made, ...key }) }
  })
  return [{ collection: 'providers', id: name, body: compact(body) }, ...documents]
}

function providerBody(row: Row, name: string, book: NoteBook): JsonObject {
  if (object(row, 'open_ai_config_json')) book.left(`provider "${name}"`, 'its OpenAI settings have no counterpart')
  return {
    network_config: setFields(object(row, 'network_config_json')),
    concurrency_and_buffer_size: setFields(object(row, 'concurrency_buffer_json')),
    proxy_config: proxyBody(object(row, 'proxy_config_json')),
    custom_provider_config: customBody(object(row, 'custom_provider_config_json'), name, book),
    ...Object.fromEntries(
      ['send_back_raw_request', 'send_back_raw_response', 'store_raw_request_response'].map((column) => [
        column,
        flag(row, column) === true ? true : undefined,
      ]),
    ),
  }
}

/** 0, an empty text and null are how the original keeps what was not set. */
function setFields(block: JsonObject | undefined): JsonObject | undefined {
  return block && compact(Object.fromEntries(Object.entries(block).filter(([, value]) => value !== 0 && value !== '' && value !== null)))
}

function proxyBody(block: JsonObject | undefined): JsonObject | undefined {
  const set = setFields(block)
  return set?.type === undefined ? undefined : set
}

function customBody(block: JsonObject | undefined, name: string, book: NoteBook): JsonObject | undefined {
  if (!block) return undefined
  const { allowed_requests: allowed, is_key_less: isKeyless, base_provider_type: base, request_path_overrides: paths } = block
  const known: ReadonlySet<string> = new Set(REQUEST_TYPES)
  const wanted = isObject(allowed) ? Object.keys(allowed).filter((type) => allowed[type] === true) : undefined
  const unknown = wanted?.filter((type) => !known.has(type)) ?? []
  if (unknown.length > 0) book.left(`provider "${name}"`, `request types that are not known here: ${unknown.join(', ')}`)
  return compact({
    base_provider_type: base,
    is_key_less: isKeyless === true ? true : undefined,
    // An empty object would be taken for "none said, all allowed" by `compact`: a list of nothing must stay one.
    ...(wanted ? { allowed_requests: allowedBody(wanted.filter((type) => known.has(type))) } : {}),
    request_path_overrides: isObject(paths) ? paths : undefined,
  })
}

function allowedBody(wanted: readonly string[]): JsonObject {
  if (wanted.length === 0) return { list_models: false }
  return Object.fromEntries(wanted.map((type) => [type, true]))
}

function keyBody(row: Row): JsonObject {
  const listed = names(row, 'models_json') ?? []
  return compact({
    id: text(row, 'key_id'),
    name: text(row, 'name') ?? text(row, 'key_id'),
    value: text(row, 'value'),
    models: listed,
    blacklisted_models: nonEmpty(names(row, 'blacklisted_models_json')),
    weight: number(row, 'weight') ?? null,
    enabled: flag(row, 'enabled') ?? true,
    use_for_batch_api: flag(row, 'use_for_batch_api') === true ? true : undefined,
    ...keyBlocks(row),
    ...stamps(row),
  })
}

function keyBlocks(row: Row): JsonObject {
  const blocks: Record<string, JsonObject> = {}
  const put = (block: string, field: string, value: Json | undefined) => {
    if (value !== undefined) blocks[block] = { ...blocks[block], [field]: value }
  }
  for (const [column, [block, field]] of Object.entries(KEY_COLUMNS)) put(block, field, text(row, column))
  for (const [column, block] of Object.entries(DEPLOYMENTS)) put(block, 'deployments', object(row, column))
  put('azure_key_config', 'scopes', nonEmpty(scopes(row)))
  put('bedrock_key_config', 'batch_s3_config', object(row, 'bedrock_batch_s3_config_json'))
  return blocks
}

/** A JSON list, or names with commas or spaces between. */
function scopes(row: Row): string[] | undefined {
  const cell = text(row, 'azure_scopes')
  return cell?.startsWith('[') ? names(row, 'azure_scopes') : cell?.split(/[,\s]+/).filter((scope) => scope !== '')
}

function nonEmpty(list: string[] | undefined): string[] | undefined {
  return list && list.length > 0 ? list : undefined
}

function readLimits(row: Row, name: string): TakenDocument[] {
  const [budget, limit] = [text(row, 'budget_id'), text(row, 'rate_limit_id')]
  if (budget === undefined && limit === undefined) return []
  return [documentOf('provider_governance', name, row, { name, budget_id: budget, rate_limit_id: limit })]
}

function readPrices(row: Row, name: string, book: NoteBook): TakenDocument[] {
  const overrides = json(row, 'pricing_overrides_json')
  return (Array.isArray(overrides) ? overrides : []).filter(isObject).flatMap((override: JsonObject, index) => {
    const { model_pattern: pattern, match_type: match, request_types: types, ...patch } = override
    const id = `${name}-pricing-${index + 1}`
    if (match === 'regex') {
      book.left(`pricing override ${index + 1} of ${name}`, 'its pattern is a regular expression, which has no counterpart')
      return []
    }
    book.changed('pricing', `provider "${name}"`, id)
    return documentOf('pricing_overrides', id, row, {
      id,
      name: id,
      scope_kind: 'provider',
      provider_id: name,
      match_type: match ?? 'exact',
      pattern: pattern ?? '*',
      request_types: Array.isArray(types) && types.length > 0 ? types : ['chat_completion', 'chat_completion_stream'],
      pricing_patch: JSON.stringify(patch),
    })
  })
}
