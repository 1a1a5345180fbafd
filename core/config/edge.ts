import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { isAddressRange } from '../addresses.ts'
import { isObject, type Json } from '../canonical/json.ts'
import type { EdgeSettings, TlsSettings } from '../snapshot.ts'
import type { Path } from './problems.ts'
import { belongTogether } from './values.ts'

/** Marks a key that the original gateway does not have (D28). */
const OWN = { 'x-own': true }
/** Stands in `trusted_proxies` for whoever may open the gateway's unix socket. */
const UNIX_PEERS = 'unix'
const PEM = '-----BEGIN '

const port = () => z.int().min(0).max(65_535).optional()

/** Settings of the `client` block that say how connections are taken. */
export const edgeFields = {
  tls: z
    .strictObject({
      cert: z
        .string()
        .min(1)
        .meta({ ...OWN, 'x-default': 'none', description: 'Certificate and what signed it: a file, read again when it changes, or PEM.' }),
      key: z
        .string()
        .min(1)
        .meta({ ...OWN, 'x-default': 'none', description: 'Its private key, not encrypted: a file, read again when it changes, or PEM.' }),
    })
    .optional(),
  trusted_proxies: z
    .array(z.string().refine((text) => text === UNIX_PEERS || isAddressRange(text), 'must be an address, a range like 10.0.0.0/8, or unix'))
    .default([])
    .meta({
      ...OWN,
      description: 'Who is believed about the client (X-Forwarded-For, X-Forwarded-Proto): addresses, ranges, `unix` for unix sockets.',
    }),
  proxy_protocol: z
    .boolean()
    .default(false)
    .meta({ ...OWN, description: 'Believe PROXY protocol version 2 too, from `trusted_proxies` alone; not together with `tls`.' }),
  admin_port: port().meta({
    ...OWN,
    'x-default': 'none',
    description: 'A port for `/api/*`, which the main one then answers with 404; 0: a free one.',
  }),
  metrics_port: port().meta({
    ...OWN,
    'x-default': 'none',
    description: 'A port for `/metrics`, which the main one then answers with 404; 0: a free one.',
  }),
  max_connections: z
    .int()
    .min(0)
    .default(0)
    .meta({ ...OWN, description: 'Most connections to the main port at once; more get 503. 0: as many as the system allows.' }),
}

const edgeSchema = z.object(edgeFields)

/** The part of the client settings that says how connections are taken. Files are looked up from `folder`. */
export function toEdgeSettings(block: z.output<typeof edgeSchema>, folder: string): EdgeSettings {
  return {
    tls: block.tls && { cert: located(block.tls.cert, folder), key: located(block.tls.key, folder) },
    trustedProxies: block.trusted_proxies,
    proxyProtocol: block.proxy_protocol,
    adminPort: block.admin_port,
    metricsPort: block.metrics_port,
    maxConnections: block.max_connections,
  }
}

/** What no single field of the edge can tell. Reads the raw block. */
export function checkEdge(client: Json | undefined, folder: string, report: (path: Path, message: string) => void): void {
  if (!isObject(client)) return
  const { tls } = client
  if (isObject(tls) && typeof tls.cert === 'string' && typeof tls.key === 'string') {
    const { problems } = readTls({ cert: located(tls.cert, folder), key: located(tls.key, folder) })
    for (const { field, message } of problems) report(['client', 'tls', field], message)
  }
  if (client.proxy_protocol === true) {
    if (tls !== undefined) report(['client', 'proxy_protocol'], 'cannot be used together with client.tls: let the proxy end TLS')
    if (!Array.isArray(client.trusted_proxies) || client.trusted_proxies.length === 0)
      report(['client', 'proxy_protocol'], 'believes nobody without client.trusted_proxies')
  }
  const ports = ['admin_port', 'metrics_port', 'http2_port'].filter((name) => typeof client[name] === 'number' && client[name] !== 0)
  for (const [index, name] of ports.entries()) {
    const twin = ports.slice(0, index).find((other) => client[other] === client[name])
    if (twin !== undefined) report(['client', name], `must differ from client.${twin}`)
  }
}

function located(value: string, folder: string): string {
  return isPem(value) ? value : resolve(folder, value)
}

/** Whether a setting holds the PEM text itself and not the name of a file. */
export function isPem(value: string): boolean {
  return value.includes(PEM)
}

/** A certificate and its key as PEM texts. */
export interface TlsMaterial {
  cert: string
  key: string
}

/** What is wrong with one of the two fields of `client.tls`. */
export interface TlsProblem {
  field: 'cert' | 'key'
  message: string
}

/** Reads and checks what TLS is served with. `material` is absent when there are problems. */
export function readTls(settings: TlsSettings): { material?: TlsMaterial; problems: TlsProblem[] } {
  const problems: TlsProblem[] = []
  const read = (field: 'cert' | 'key', fault: (pem: string) => string | undefined): string => {
    const { text, message } = textOf(settings[field])
    const problem = message ?? fault(text)
    if (problem !== undefined) problems.push({ field, message: problem })
    return text
  }
  const material = { cert: read('cert', certificateFault), key: read('key', keyFault) }
  if (problems.length === 0 && !belongTogether(material.cert, material.key))
    problems.push({ field: 'key', message: 'is not the key of client.tls.cert' })
  return problems.length === 0 ? { material, problems } : { problems }
}

function textOf(value: string): { text: string; message?: string } {
  if (isPem(value)) return { text: value }
  try {
    return { text: readFileSync(value, 'utf8') }
  } catch (error) {
    return { text: '', message: `${value} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})` }
  }
}

function certificateFault(pem: string): string | undefined {
  try {
    new X509Certificate(pem)
    return undefined
  } catch {
    return 'is not a certificate in PEM form'
  }
}

function keyFault(pem: string): string | undefined {
  try {
    createPrivateKey(pem)
    return undefined
  } catch {
    return 'is not a private key in PEM form, or is encrypted'
  }
}
