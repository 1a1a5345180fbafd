import type { z } from 'zod'
import type { Hooks, OnError } from '../hooks/hooks.ts'

/** What plugins offer to each other, by name. Authors add theirs by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: augmented by plugins
export interface Services {}

/** A log whose lines carry the plugin's name. Facts first, then the sentence; never a secret in either. */
export interface PluginLog {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  child(facts: object): PluginLog
}

/** What `setup` is given beside the plugin's configuration. */
export interface PluginTools {
  log: PluginLog
  /** Services of the plugins named in `requires`. Reading one that nobody offers throws a sentence; test with `in`. */
  services: Readonly<Services>
  /** The plugin's own name. */
  name: string
}

/** What `setup` returns. */
export interface PluginParts {
  hooks?: Hooks
  /** Called once at the end, in reverse order of loading, and given 5 seconds. */
  close?(): void | Promise<void>
  services?: Partial<Services>
}

/** A plugin as a value: testable by calling `setup` with a configuration and a stub. */
export interface Plugin<Config = never> {
  readonly name: string
  readonly version?: string
  /** Schema of `plugins[].config`. Unknown keys are refused; without a schema every key is. */
  readonly config?: z.ZodType
  /** Names of plugins that must be loaded first. */
  readonly requires?: readonly string[]
  /** What a failure of its handlers costs; each hook has a default (HOOK_KINDS). Does not close `postHook`: only the handler itself can. */
  readonly onError?: OnError
  /** How long one call of an `async` handler may take, in milliseconds; 30000 where absent. */
  readonly timeoutMs?: number
  setup(config: Config, tools: PluginTools): PluginParts | Promise<PluginParts>
}

/** What `definePlugin` takes: a plugin whose `setup` gets what the schema makes of the configuration. */
export interface PluginDefinition<Schema extends z.ZodType> extends Omit<Plugin, 'config' | 'setup'> {
  readonly config?: Schema
  setup(config: z.output<Schema>, tools: PluginTools): PluginParts | Promise<PluginParts>
}

/** Declares a plugin; the types of `setup` follow from the schema. Returned as it is, frozen. */
export function definePlugin<Schema extends z.ZodType = z.ZodType<Record<string, never>>>(
  definition: PluginDefinition<Schema>,
): Plugin<z.output<Schema>> {
  return Object.freeze(definition)
}
