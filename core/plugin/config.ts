import { z } from 'zod'
import type { JsonObject } from '../canonical/json.ts'
import { type Path, pathText } from '../config/problems.ts'
import type { Plugin } from './plugin.ts'

const NO_CONFIG = z.strictObject({})

/** The configuration as the plugin's schema reads it, or what is wrong with it, each with its path. */
export async function parsePluginConfig(plugin: Plugin, config: JsonObject): Promise<{ config: unknown; problems: string[] }> {
  try {
    const result = await strict(plugin.config ?? NO_CONFIG).safeParseAsync(config)
    if (result.success) return { config: result.data, problems: [] }
    return {
      config: undefined,
      problems: result.error.issues.map((issue) => `${pathText(['config', ...(issue.path as Path)])}: ${issue.message}`),
    }
  } catch (error) {
    return { config: undefined, problems: [`config: its schema failed: ${error instanceof Error ? error.message : String(error)}`] }
  }
}

/** An object schema that says nothing about unknown keys would drop them in silence, and a misspelt option with them. */
function strict(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject && schema.def.catchall === undefined ? schema.strict() : schema
}
