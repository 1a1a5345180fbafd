import { z } from 'zod'
import { certificate } from '../../core/config/values.ts'
import { defineStoreDriver } from '../../core/stores/stores.ts'

const ADDRESS = /^(?:[^\s:/@[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/** Where Redis is and how to reach it. */
export const redisConfig = z
  .strictObject({
    addr: z
      .string()
      .refine(
        (text) => text.split(',').every((each) => ADDRESS.test(each.trim())),
        'must be host:port; in cluster mode several, with commas',
      )
      .optional()
      .describe('host:port; in cluster mode several nodes, with commas.'),
    url: z
      .string()
      .refine((text) => /^rediss?:$/.test(URL.parse(text)?.protocol ?? ''), 'must begin with redis:// or rediss://')
      .optional()
      .describe('In place of `addr`: redis://user:password@host:port/db, or rediss:// for TLS. Usually `env.NAME`.'),
    username: z.string().optional(),
    password: z.string().optional().describe('Usually `env.NAME`.'),
    db: z.int().min(0).max(16_383).optional().describe('Number of the database; 0 unless said.'),
    use_tls: z.boolean().default(false),
    insecure_skip_verify: z.boolean().default(false).describe('Take any certificate of the server. For tests.'),
    ca_cert_pem: certificate().optional().describe("Who signs the server's certificate, in PEM form."),
    cluster_mode: z.boolean().default(false).describe('The addresses are nodes of a Redis Cluster.'),
    pool_size: z.int().min(1).optional().describe('Taken and not needed: one connection carries all commands.'),
    key_prefix: z.string().min(1).max(100).default('bifrost:').describe('Before every key and channel; one for all machines of a gateway.'),
  })
  .superRefine(({ addr, url, db, cluster_mode }, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if ((addr === undefined) === (url === undefined)) refuse('addr', 'give either addr or url')
    if (cluster_mode && (db ?? 0) !== 0) refuse('db', 'a Redis Cluster has database 0 alone')
    if (!cluster_mode && addr?.includes(',')) refuse('addr', 'several addresses need cluster_mode')
  })

/** The configuration, parsed. */
export type RedisConfig = z.output<typeof redisConfig>

/** Redis: values that expire, and notices between machines. It keeps no configuration. */
export const redisDriver = defineStoreDriver({
  type: 'redis',
  config: redisConfig,
  async openKeyValue(config, { log }) {
    const [{ openLink }, { RedisKeyValue }] = await Promise.all([import('./link.ts'), import('./key-value.ts')])
    return new RedisKeyValue(openLink(config, log), config.key_prefix)
  },
  async openNotices(config, { log }) {
    const [{ openLink }, { RedisNotices }] = await Promise.all([import('./link.ts'), import('./notices.ts')])
    return new RedisNotices({ publisher: openLink(config, log), subscriber: openLink(config, log), prefix: config.key_prefix })
  },
})
