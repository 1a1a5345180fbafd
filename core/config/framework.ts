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
