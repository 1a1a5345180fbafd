import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { HOOK_KINDS } from '../../../core/hooks/hooks.ts'
import { loadPlugins } from '../../../core/plugin/loader.ts'
import { definePlugin } from '../../../core/plugin/plugin.ts'
import { pluginConformance } from '../../conformance/plugin.ts'
import { contextOf, folderWith, memoryLog, rowOf } from '../../helpers/plugins.ts'

const readme = readFileSync(new URL('../../../plugins/README.md', import.meta.url), 'utf8')
const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
const config = (/```json\n([\s\S]*?)```/.exec(readme)?.[1] ?? '').trim()

test('the example of plugins/README.md is a plugin of twenty lines that works from any folder', async () => {
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(20)
  const folder = folderWith({ 'allow-models.ts': example })
  const [row] = (JSON.parse(config) as { plugins: [{ name: string; path: string; config: Record<string, string[]> }] }).plugins
  const settings = [rowOf(row.name, { path: row.path, config: row.config })]
  const { governance } = (await loadPlugins({ settings, builtins: [], log: memoryLog(), folder })).callers('chat_completion')
  expect(governance?.(contextOf({ model: 'gpt-4o-mini' }))).toBeUndefined()
  expect(governance?.(contextOf({ model: 'small' }))).toMatchObject({ code: 'GW_MODEL_NOT_ALLOWED' })
})

test('the page has every hook', () => {
  for (const hook of Object.keys(HOOK_KINDS)) expect(readme).toContain(`| \`${hook}\` |`)
})

test('a plugin can be tested by calling setup', async () => {
  const folder = folderWith({ 'plugin.ts': example })
  await loadPlugins({ settings: [rowOf('a', { path: './plugin.ts', config: { models: [] } })], builtins: [], log: memoryLog(), folder })
  const { default: plugin } = await import(pathToFileURL(join(folder, 'plugin.ts')).href)
  const parts = plugin.setup({ models: { allows: () => false } }, { log: memoryLog(), services: {}, name: 'a' })
  expect(parts.hooks.governance(contextOf())).toMatchObject({ code: 'GW_MODEL_NOT_ALLOWED' })
})

pluginConformance({ plugin: definePlugin({ name: 'quiet', setup: () => ({ hooks: { postHook: (outcome) => outcome } }) }) })
