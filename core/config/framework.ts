import { z } from 'zod'

/** The `framework` block (api.md 5.5). */
export const frameworkSchema = z.strictObject({
  pricing: z
    .strictObject({
      pricing_url: z.url('is not a URL').optional().describe('Where prices of models come from.'),
      pricing_sync_interval: z.int().min(3600).default(86_400).describe('How often, in seconds.'),
      model_parameters_url: z.url('is not a URL').optional().describe("Where models' parameters come from."),
    })
    .optional()
    .describe('Prices and parameters of models.'),
})

/** The `proxy_config` block: how the gateway's own requests are to go out, besides those of single providers (api.md 4.8). */
export const gatewayProxySchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Whether it is used.'),
  type: z.enum(['http', 'socks5', 'tcp']).default('http').describe('Kind of proxy.'),
  url: z
    .string()
    .refine((text) => URL.canParse(text), 'is not a URL')
    .optional()
    .describe("The proxy's address."),
  username: z.string().optional().describe('User name.'),
  password: z.string().optional().describe('Password, usually `env.NAME`.'),
  no_proxy: z.string().optional().describe('Hosts that are reached without it, by commas.'),
  timeout: z.number().min(0).optional().describe('Longest wait for it, in seconds; 0: no limit of its own.'),
  skip_tls_verify: z.boolean().default(false).describe('Do not check certificates.'),
  enable_for_scim: z.boolean().default(false).describe('For requests to directories.'),
  enable_for_inference: z.boolean().default(false).describe('For requests to providers.'),
  enable_for_api: z.boolean().default(false).describe('For other requests of the gateway itself.'),
})
