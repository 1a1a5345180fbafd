import { isObject, type Json, type JsonObject, parseObject } from '../canonical/json.ts'
import { SETTINGS } from '../config/collections.ts'
import { gatewayProxySchema } from '../config/framework.ts'
import { upgradeClient } from '../config/migrations/v1.ts'
import { documentOf, some, type TakenDocument } from './documents.ts'
import type { NoteBook } from './notes.ts'
import type { Reading } from './read-providers.ts'
import { compact, flag, names, number, object, type Row, rowsOf, text } from './tables.ts'

const CLIENT_FLAGS = [
  'drop_excess_requests',
  'enable_logging',
  'disable_content_logging',
  'disable_db_pings_in_health',
  'hide_deleted_virtual_keys_in_filters',
]
const CLIENT_NUMBERS = [
  'initial_pool_size',
  'log_retention_days',
  'max_request_body_size_mb',
  'mcp_agent_depth',
  'mcp_tool_execution_timeout',
  'mcp_tool_sync_interval',
  'async_job_result_ttl',
]
const CLIENT_LISTS = ['prometheus_labels', 'allowed_origins', 'allowed_headers', 'required_headers', 'logging_headers']

/** Blocks that stand alone, and plugins. */
export function readSettings(reading: Reading): TakenDocument[] {
  const { rows, book } = reading
  const values = new Map(rowsOf(rows, 'governance_config').map((row) => [text(row, 'key') ?? '', text(row, 'value')]))
  for (const kind of ['vector', 'log'] as const) {
    for (const row of rowsOf(rows, `config_${kind}_store`)) {
      book.left(
        `${kind} store of type ${text(row, 'type') ?? 'unknown'}`,
        `stores are named by the configuration file: set ${kind === 'log' ? 'logs' : kind}_store there`,
      )
    }
  }
  return [
    ...first(rowsOf(rows, 'config_client')).map((row) => documentOf(SETTINGS, 'client', row, clientBody(row, { values, book }))),
    ...first(rowsOf(rows, 'framework_configs')).flatMap(frameworkOf),
    ...proxyOf(values),
    ...authOf(values, book),
    ...rowsOf(rows, 'config_plugins').flatMap((row) => readPlugin(row, reading)),
  ]
}

type Values = ReadonlyMap<string, string | undefined>

/** There is one row; of several the newest counts, as in the original. */
function first(rows: readonly Row[]): readonly Row[] {
  return rows.slice(0, 1)
}

function clientBody(row: Row, { values, book }: { values: Values; book: NoteBook }): JsonObject {
  const body: JsonObject = {}
  for (const name of CLIENT_FLAGS) body[name] = flag(row, name)
  // 0 stands for "not set"; where it says something (never sync tools), 0 is also what is meant.
  for (const name of CLIENT_NUMBERS) body[name] = number(row, name) || (name === 'mcp_tool_sync_interval' ? number(row, name) : undefined)
  for (const name of CLIENT_LISTS) body[name] = some(names(row, `${name}_json`) ?? [])
  // A name of 1.4 that is off says nothing, and would otherwise count as said.
  const old = ['enable_litellm_fallbacks', 'enforce_governance_header', 'enforce_scim_auth', 'enforce_auth_on_inference']
  for (const name of old) if (flag(row, name)) body[name] = true
  if (flag(row, 'allow_direct_keys')) {
    book.denied('client', "allow_direct_keys is gone: a client's own provider key never goes upstream; give such clients a virtual key")
  }
  return {
    ...upgradeClient(compact(body), (rule) => book.changed(rule, 'client')),
    mcp_code_mode_binding_level: text(row, 'mcp_code_mode_binding_level'),
    header_filter_config: filterOf(object(row, 'header_filter_config_json') ?? parseObject(values.get('header_filter_config') ?? '')),
  }
}

function filterOf(block: JsonObject | undefined): JsonObject | undefined {
  if (!block) return undefined
  const lists = ['allowlist', 'denylist'].flatMap((name): [string, Json][] => {
    const list = block[name]
    return Array.isArray(list) && list.length > 0 ? [[name, list as Json]] : []
  })
  return Object.fromEntries(lists)
}

function frameworkOf(row: Row): TakenDocument[] {
  const interval = number(row, 'pricing_sync_interval') ?? 0
  const pricing = compact({ pricing_url: text(row, 'pricing_url'), pricing_sync_interval: interval >= 3600 ? interval : undefined })
  return Object.keys(pricing).length === 0 ? [] : [documentOf(SETTINGS, 'framework', row, { pricing })]
}

function proxyOf(values: Values): TakenDocument[] {
  const block = parseObject(values.get('proxy_config') ?? '')
  if (!block) return []
  const isKnown = (name: string) => Object.hasOwn(gatewayProxySchema.shape, name)
  const body = Object.fromEntries(
    Object.entries(block).filter(([name, value]) => isKnown(name) && value !== '' && value !== 0 && value !== null),
  )
  return [{ collection: SETTINGS, id: 'proxy_config', body }]
}

/** What stands for a password that does not come over: the start says that it is not set, and sign-in stays on until it is. */
const PASSWORD = 'BIFROST_ADMIN_PASSWORD'

/** The original keeps a hash of the password, by which nobody can sign in here. */
function authOf(values: Values, book: NoteBook): TakenDocument[] {
  const [user, password] = [values.get('admin_username'), values.get('admin_password')]
  const isEnabled = values.get('is_auth_enabled') === 'true'
  if (user === undefined && password === undefined && !isEnabled) return []
  const isReference = password?.startsWith('env.') === true
  if (isEnabled && !isReference) {
    book.denied('administrator', `the database has a hash of the password alone: set the environment variable ${PASSWORD} to a new one`)
  }
  const body = compact({
    is_enabled: isEnabled,
    admin_username: user,
    admin_password: isReference ? password : isEnabled ? `env.${PASSWORD}` : undefined,
    disable_auth_on_inference: values.get('disable_auth_on_inference') === 'true' ? true : undefined,
  })
  return [{ collection: SETTINGS, id: 'auth_config', body }]
}

function readPlugin(row: Row, { book, plugins }: Reading): TakenDocument[] {
  const [name, path] = [text(row, 'name'), text(row, 'path')]
  if (name === undefined) return []
  const isLoadable = path === undefined ? plugins.has(name) : /\.[cm]?[jt]s$/.test(path)
  const isEnabled = flag(row, 'enabled') ?? false
  if (isEnabled && !isLoadable) {
    const reason = path === undefined ? 'is not part of this gateway' : 'is a compiled plugin of the original'
    book.changed('plugin-off', `plugin "${name}"`, reason)
  }
  const config = object(row, 'config_json')
  return [
    documentOf('plugins', name, row, {
      name,
      enabled: isEnabled && isLoadable,
      path,
      config: isObject(config) ? config : undefined,
      version: number(row, 'version') ?? 1,
      placement: text(row, 'placement'),
      order: number(row, 'exec_order') || undefined,
    }),
  ]
}
