import { z } from 'zod'
import { durationMs } from './values.ts'

const MIB = 1024 * 1024
const port = (fallback: number) => z.int().min(1).max(65_535).default(fallback)
const seconds = (fallback: number) => z.number().min(0.001).max(86_400).default(fallback)
const size = (fallback: number) => z.int().min(1024).default(fallback)

/** The `websocket` block (api.md 5.7). */
export const websocketSchema = z.strictObject({
  max_connections_per_user: z.int().min(1).default(100).describe('Most connections of one user.'),
  transcript_buffer_size: z.int().min(1).default(100).describe('Most entries of a transcript that are held.'),
  pool: z
    .strictObject({
      max_idle_per_key: z.int().min(0).default(50).describe('Most idle connections of one key.'),
      max_total_connections: z.int().min(1).default(1000).describe('Most connections together.'),
      idle_timeout_seconds: seconds(600).describe('Longest a connection stays idle.'),
      max_connection_lifetime_seconds: seconds(7200).describe('Longest a connection lives.'),
    })
    .prefault({})
    .describe('Connections to providers.'),
})

const address = z.string().regex(/^\[?[^\s/]+\]?:\d{1,5}$/, 'must be host:port')

const discovery = z.strictObject({
  enabled: z.boolean().default(false).describe('Whether machines find each other by themselves.'),
  type: z.enum(['kubernetes', 'dns', 'udp', 'consul', 'etcd', 'mdns']).optional().describe('By what.'),
  service_name: z.string().optional().describe('Name that machines go by.'),
  bind_port: port(10_101).describe('Port that they are found at.'),
  dial_timeout: z
    .union([z.int().min(0), z.string().refine((text) => !Number.isNaN(durationMs(text)), 'is not a duration')])
    .default('10s')
    .describe('Longest a connection may take to open.'),
  allowed_address_space: z.array(z.string()).default([]).describe('Address ranges (CIDR) that machines may be in; empty: all.'),
  k8s_namespace: z.string().optional().describe('Namespace of the pods.'),
  k8s_label_selector: z.string().optional().describe('Labels of the pods.'),
  dns_names: z.array(z.string()).optional().describe('Names that resolve to the machines.'),
  udp_broadcast_port: port(9999).optional().describe('Port of the broadcast.'),
  consul_address: z.string().optional().describe('Address of Consul.'),
  etcd_endpoints: z.array(z.string()).optional().describe('Addresses of etcd.'),
  mdns_service: z.string().optional().describe('Name of the service.'),
})

/** The `cluster_config` block. */
export const clusterSchema = z.strictObject({
  enabled: z.boolean().describe('Whether machines work together.'),
  node_id: z.string().min(1).optional().describe('Name of this machine; made when absent.'),
  region: z.string().default('unknown').describe('Where it is.'),
  peers: z.array(address).default([]).describe('The other machines, as host:port.'),
  gossip: z
    .strictObject({
      port: port(10_101).describe('Port, TCP and UDP.'),
      config: z
        .strictObject({
          timeout_seconds: seconds(10).describe('When a silent machine is suspected.'),
          success_threshold: z.int().min(1).default(3).describe('Answers that make a machine alive.'),
          failure_threshold: z.int().min(1).default(3).describe('Silences that make it dead.'),
        })
        .prefault({})
        .describe('How machines are judged.'),
    })
    .prefault({})
    .describe('Membership.'),
  grpc: z
    .strictObject({
      port: port(10_102).describe('Port.'),
      dial_timeout_seconds: seconds(5).describe('Longest a connection may take to open.'),
    })
    .prefault({})
    .describe('Messages between machines.'),
  discovery: discovery.optional().describe('How machines find each other.'),
})

/** The `load_balancer_config` block. */
export const loadBalancerSchema = z.strictObject({
  enabled: z.boolean().describe('Whether weights follow what providers do.'),
  tracker_config: z.record(z.string(), z.json()).optional().describe('How they are measured.'),
  bootstrap: z.record(z.string(), z.json()).optional().describe('What is known of them at the start.'),
})

/** The `large_payload_optimization` block; sizes in bytes. */
export const largePayloadSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Whether large bodies are sent on without being held.'),
  request_threshold_bytes: size(10 * MIB).describe('Requests from this size on.'),
  response_threshold_bytes: size(10 * MIB).describe('Answers from this size on.'),
  prefetch_size_bytes: size(64 * 1024).describe('How much is read to find the model.'),
  max_payload_bytes: size(500 * MIB).describe('Largest body.'),
  truncated_log_bytes: size(MIB).describe('How much of it is logged.'),
})

/** The `audit_logs` block. */
export const auditLogsSchema = z.strictObject({
  disabled: z.boolean().default(false).describe('Whether none are kept.'),
  hmac_key: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, 'must be at least 32 bytes')
    .optional()
    .describe('Secret that proves entries unchanged, usually `env.NAME`.'),
  retention_days: z.int().min(0).default(365).describe('How long they are kept; 0: for ever.'),
})
