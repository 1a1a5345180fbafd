import { z } from 'zod'
import { allowNames } from './allow-list.ts'
import { type Builtins, perBuiltins } from './builtins.ts'
import { REQUEST_TYPES } from './request-types.ts'
import { certificate, duration, headerName, headerValue, privateKey, seconds, upstreamUrl } from './values.ts'

const OWN = { 'x-own': true }

const network = z.strictObject({
  base_url: upstreamUrl().optional().describe("Where the provider is: http, https or unix. Without it the provider's own address."),
  extra_headers: z.record(headerName(), headerValue()).default({}).describe('Headers sent with every request.'),
  default_request_timeout_in_seconds: seconds(0.001)
    .default(30)
    .describe('Longest one attempt may take; for a stream until its first event.'),
  max_retries: z.int().min(0).max(100).default(0).describe('Further attempts after the first, on this provider.'),
  retry_backoff_initial: duration(100).default(500).describe('Pause before the first retry; doubled each time.'),
  retry_backoff_max: duration(100).default(5000).describe('Longest pause before a retry.'),
  stream_idle_timeout_in_seconds: seconds(5, 3600).default(60).describe('Longest silence inside a stream.'),
  max_conns_per_host: z.int().min(1).max(10_000).default(5000).describe('Most connections to one host, over all threads.'),
  enforce_http2: z.boolean().default(false).describe('Not served yet: refused when true.'),
  insecure_skip_verify: z.boolean().default(false).describe('Do not check the certificate. Not together with ca_cert_pem.'),
  ca_cert_pem: certificate().optional().describe('Certificates to trust instead of the usual ones.'),
  beta_header_overrides: z
    .record(z.string().min(1), z.boolean())
    .default({})
    .describe('Beta flags by how they begin: sent when asked for, or never; the longest that fits counts.'),
  client_cert_pem: certificate()
    .optional()
    .meta({ ...OWN, 'x-default': 'none', description: "The gateway's own certificate, in PEM form, for a provider that asks for one." }),
  client_key_pem: privateKey()
    .optional()
    .meta({ ...OWN, 'x-default': 'none', description: 'Its private key, in PEM form, not encrypted; usually `env.NAME`.' }),
  connect_timeout_in_seconds: seconds(0.001, 600)
    .default(10)
    .meta({ ...OWN, description: 'Longest a connection may take to open.' }),
  preconnect: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .meta({ ...OWN, description: 'Connections opened ahead, per data thread.' }),
  allow_metadata_addresses: z
    .boolean()
    .default(false)
    .meta({ ...OWN, description: "Let URLs of this provider lead to a cloud's metadata service, which hands out credentials." }),
})

const queue = z.strictObject({
  concurrency: z.int().min(1).describe('Requests to the provider at once, over all threads.'),
  buffer_size: z.int().min(1).describe('Requests that may wait besides; not less than concurrency.'),
})

const proxy = z.strictObject({
  type: z
    .enum(['none', 'http', 'socks5', 'environment'])
    .describe('Kind of proxy; `environment` reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY.'),
  url: z
    .string()
    .refine((text) => URL.canParse(text), 'is not a URL')
    .optional()
    .describe("The proxy's address."),
  username: z.string().optional(),
  password: z.string().optional(),
  ca_cert_pem: certificate().optional(),
})

const custom = z.strictObject({
  base_provider_type: z.string().describe('Built-in provider whose API it speaks.'),
  is_key_less: z.boolean().default(false).describe('It needs no key.'),
  allowed_requests: z
    .strictObject(Object.fromEntries(REQUEST_TYPES.map((name) => [name, z.boolean().optional()])))
    .optional()
    .describe('Absent: all requests; else only those that are true.'),
  request_path_overrides: z
    .partialRecord(z.enum(REQUEST_TYPES), z.string().regex(/^(\/|https?:\/\/[^\s@]+$)/, 'must begin with "/" or be a URL'))
    .default({})
    .describe('Path below base_url, or whole URL, by request type.'),
})

/** The blocks that hold the URL of a key, by their names in the registry's entries; the URL is asked for by a check, not here. */
function urlBlocks({ providers }: Builtins) {
  const block = (hasModel: boolean) =>
    z.strictObject({ url: upstreamUrl().optional(), ...(hasModel ? { model_name: z.string().optional() } : {}) })
  return Object.fromEntries(
    providers.flatMap((entry) => (entry.keyUrl === undefined ? [] : [[entry.keyUrl, block(entry.keyModelName === true).optional()]])),
  )
}

/** The blocks of keys that one provider alone has, by their names; their schemas are the entries' own. */
function keyBlocks({ providers }: Builtins) {
  return Object.fromEntries(providers.flatMap(({ keyConfig }) => (keyConfig ? [[keyConfig.name, keyConfig.schema.optional()]] : [])))
}

const keyFields = {
  id: z.string().min(1).optional().describe('Stable id; made from the provider and the name when absent.'),
  name: z.string().min(1).optional().describe('Name in logs and errors, unique over all providers; the id when absent.'),
  value: z
    .string()
    .refine((text) => /^[\x20-\x7e]*$/.test(text.trim()), 'holds a line break or a character that a header cannot carry')
    .optional()
    .describe('The secret, usually `env.NAME`.'),
  weight: z.number().min(0).nullable().default(1).describe('Share in weighted choice; null: out of it.'),
  models: allowNames().optional().describe('Models the key serves: `["*"]` all, `[]` none.'),
  blacklisted_models: allowNames().default([]).describe('Models it does not serve, whatever `models` says.'),
  aliases: z.record(z.string(), z.string().min(1)).default({}).describe("Requested model name -> the provider's id."),
  enabled: z.boolean().default(true),
  use_for_batch_api: z.boolean().default(false),
}

/** Schema of one key of a provider. */
export const keySchema = perBuiltins((builtins) => z.strictObject({ ...keyFields, ...urlBlocks(builtins), ...keyBlocks(builtins) }))

/** Schema of one provider (api.md 5.2). One for all: which blocks belong to which provider is checked beside it. */
export const providerSchema = perBuiltins((builtins) =>
  z.strictObject({
    keys: z.array(keySchema(builtins)).optional().describe('Credentials.'),
    network_config: network.prefault({}),
    concurrency_and_buffer_size: queue.default({ concurrency: 1000, buffer_size: 5000 }),
    proxy_config: proxy.default({ type: 'none' }),
    send_back_raw_request: z.boolean().default(false).describe('Put the request as sent to the provider into the answer.'),
    send_back_raw_response: z.boolean().default(false).describe("Put the provider's answer as it came into the answer."),
    store_raw_request_response: z.boolean().default(false),
    custom_provider_config: custom.optional().describe('Makes this a provider of your own, by the API of a built-in one.'),
  }),
)

/** One provider's block, read. */
export type ProviderBlock = z.output<ReturnType<typeof providerSchema>>
/** One key's block, read. The blocks of single providers stand in it by their names. */
export type KeyBlock = NonNullable<ProviderBlock['keys']>[number]
