import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { loadConfig } from '../../../core/config/load.ts'
import { builtins } from './builtins.ts'

const page = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
const section = page.slice(page.indexOf('## Configure it'), page.indexOf('## Extend it'))
const examples = [...section.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text ?? '') as JsonObject)
const env = Object.fromEntries([...section.matchAll(/env\.([A-Z_]+)/g)].map(([, name]) => [name, `value-of-${name}`]))

test('the examples of the README are good, taken together', () => {
  expect(examples.length).toBeGreaterThan(2)
  const providers = Object.assign({}, ...examples.map((example) => example.providers ?? {})) as JsonObject
  const config = Object.assign({}, ...examples, { providers, plugins: [] }) as JsonObject
  const { problems, tables } = loadConfig({ config, env, builtins })
  expect(problems).toEqual([])
  expect([...tables!.virtualKeys.keys()]).toEqual(['vk-search'])
})
