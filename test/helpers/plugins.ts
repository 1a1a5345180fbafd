import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ChatRequest } from '../../core/canonical/chat.ts'
import { Context } from '../../core/context.ts'
import type { Deadlines } from '../../core/deadlines.ts'
import type { Format } from '../../core/format.ts'
import { type LoadedPlugins, loadPlugins } from '../../core/plugin/loader.ts'
import type { Plugin, PluginLog } from '../../core/plugin/plugin.ts'
import type { ClientSettings, PluginSettings } from '../../core/snapshot.ts'

/** A log that keeps its lines. */
export function memoryLog(): PluginLog & { lines: { level: string; facts: Record<string, unknown>; message: string }[] } {
  const lines: { level: string; facts: Record<string, unknown>; message: string }[] = []
  const at = (level: string) => (facts: object, message: string) => void lines.push({ level, facts: { ...facts }, message })
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log, lines }
  return log
}

const HERE = { remoteAddress: '127.0.0.1', clientAddress: '127.0.0.1', scheme: 'http' } as const

/** A request on its way, with a canonical request already in it and no gateway behind it. */
export function contextOf(request: Partial<ChatRequest> = {}, id = 'request-1'): Context {
  const route = { method: 'POST', path: '/v1/chat/completions', operation: 'chat_completion', format: 'openai-chat' } as const
  const ctx = new Context({
    id,
    incoming: { route, method: 'POST', path: route.path, query: '', headers: new Map(), contentLength: 0, ...HERE },
    operation: 'chat_completion',
    inbound: {} as Format,
    client: {} as ClientSettings,
    identity: {},
    startedAt: 0,
  })
  ctx.request = { model: 'small', messages: [], stream: false, ...request }
  return ctx
}

/** A row of `plugins[]`. */
export function rowOf(name: string, row: Partial<PluginSettings> = {}): PluginSettings {
  return { name, placement: row.path ? 'post_builtin' : 'builtin', order: 0, config: {}, ...row }
}

/** Loads plugins given as values, each with an empty configuration, in the order given. */
export function loadValues(plugins: readonly Plugin[], log: PluginLog = memoryLog(), deadlines?: Deadlines): Promise<LoadedPlugins> {
  return loadPlugins({ settings: plugins.map((plugin) => rowOf(plugin.name)), builtins: plugins, log, deadlines })
}

/** A folder outside the repository with these files in it, removed after the test. Returns the path of the folder. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bifrost-plugin-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}
