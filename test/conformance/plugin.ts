import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import type { Context } from '../../core/context.ts'
import { GatewayError } from '../../core/errors.ts'
import type { HookCallers } from '../../core/hooks/hooks.ts'
import { type LoadedPlugins, loadPlugins } from '../../core/plugin/loader.ts'
import type { Plugin } from '../../core/plugin/plugin.ts'
import { contextOf, memoryLog, rowOf } from '../helpers/plugins.ts'

/** What the suite needs to know of a plugin. */
export interface PluginCase {
  plugin: Plugin
  /** A configuration that is good. */
  config?: JsonObject
  /** Plugins it requires. */
  required?: readonly Plugin[]
}

/** What every plugin keeps to, whatever it does. Call it in the plugin's own test file. */
export function pluginConformance({ plugin, config = {}, required = [] }: PluginCase): void {
  const load = (changed: JsonObject = config): Promise<LoadedPlugins> => {
    const settings = [...required.map((each) => rowOf(each.name)), rowOf(plugin.name, { config: changed })]
    return loadPlugins({ settings, builtins: [...required, plugin], log: memoryLog() })
  }

  describe(`${plugin.name} as a plugin`, () => {
    test('loads, serves and closes, and can be loaded again', async () => {
      for (const _ of [1, 2]) {
        const loaded = await load()
        expect(loaded.plugins.map((each) => each.name)).toContain(plugin.name)
        await loaded.close()
      }
    })

    test('refuses a key that its configuration does not know', async () => {
      const problems = load({ ...config, 'no-such-key': 1 })
      await expect(problems).rejects.toMatchObject({ problems: [expect.stringContaining('no-such-key')] })
    })

    test('has a schema that can be written down as JSON schema', () => {
      if (plugin.config) expect(z.toJSONSchema(plugin.config, { io: 'input', unrepresentable: 'any' })).toBeTypeOf('object')
    })

    test('reads nothing undeclared and fails in no hook on a plain request', async () => {
      const loaded = await load()
      const undeclared: string[] = []
      const ctx = contextOf({ messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }] })
      ctx.onUndeclaredRead = (name) => undeclared.push(name)
      await callAll(loaded.callers('chat_completion'), ctx)
      await loaded.close()
      expect(undeclared).toEqual([])
    })
  })
}

async function callAll(callers: HookCallers, ctx: Context): Promise<void> {
  await refusable(() => callers.preRequest?.(ctx))
  const refusal = await callers.governance?.(ctx)
  if (refusal) expect(refusal.code).not.toBe('GW_PLUGIN')
  await refusable(() => callers.keySelection?.([], ctx))
  await refusable(() => callers.stream?.([], ctx))
  await callers.postHook?.({ ok: false, error: new GatewayError('GW_QUEUE_FULL', { provider: 'none' }) }, ctx)
}

/** A plugin may refuse this request; it may not fail on it. */
async function refusable(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError)
    expect(error).not.toMatchObject({ code: 'GW_PLUGIN' })
  }
}
