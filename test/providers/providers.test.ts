import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Provider } from '../../core/provider.ts'
import { formats } from '../../providers/formats/index.ts'
import { plannedProviders, providers } from '../../providers/index.ts'
import { providerConformance } from '../conformance/provider.ts'

const FORMATS = formats.map(({ name }) => name)
/** Entries behind the ones that are listed: families of models that speak another dialect. */
const variants = providers.flatMap((provider) =>
  ['claude-opus-4', 'mistral-large'].flatMap((model) => provider.variant?.(model, 'chat_completion') ?? []),
)

for (const provider of [...providers, ...variants]) providerConformance(provider, FORMATS)

test('no name stands for two providers', () => {
  const names = [...providers, ...plannedProviders].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('every provider of chat is there', () => {
  const first = 'openai anthropic azure bedrock vertex gemini cohere'
  const names = `${first} groq mistral openrouter xai cerebras perplexity parasail nebius fireworks vllm sgl ollama huggingface replicate demo`
  expect(providers.map(({ name }) => name)).toEqual(names.split(' '))
})

test('the table of providers/README.md says what the entries say', () => {
  const readme = readFileSync(new URL('../../providers/README.md', import.meta.url), 'utf8')
  const rows = readme.split('\n').filter((line) => /^\| `[a-z]+` \|/.test(line))
  expect(rows).toEqual(providers.map(readmeRow))
})

function readmeRow(provider: Provider): string {
  const { name, format, baseUrl, keyUrl, keyBaseUrl, keyConfig, auth, keyless, paths, envKey } = provider
  const byKey = keyUrl === undefined ? keyBaseUrl && `by \`${keyConfig?.name}\`` : `\`${keyUrl}.url\` of each key`
  const place = baseUrl ?? byKey ?? 'this process'
  const key =
    keyless === 'key' ? 'none' : `${auth}${keyless === 'value' ? ', optional' : ''}${envKey === undefined ? '' : `, \`${envKey}\``}`
  return `| \`${name}\` | ${format} | ${place} | ${key} | ${Object.keys(paths).join(', ')} |`
}

describe('quirks', () => {
  const patchOf = (name: string) => providers.find((provider) => provider.name === name)!.quirks!.patch!

  test('a user of more than 64 characters is dropped and reported', () => {
    const body: Record<string, unknown> = { model: 'm', user: 'u'.repeat(65) }
    expect(patchOf('groq')(body)).toEqual(['user'])
    expect(body).toEqual({ model: 'm' })
    expect(patchOf('groq')({ user: 'u'.repeat(64) })).toEqual([])
  })

  test.each([
    ['grok-4', ['presence_penalty', 'frequency_penalty', 'stop', 'reasoning_effort']],
    ['grok-4-fast-reasoning', ['presence_penalty', 'frequency_penalty', 'stop', 'reasoning_effort']],
    ['grok-4-fast-non-reasoning', []],
    ['grok-3', ['presence_penalty', 'reasoning_effort']],
    ['grok-3-mini', ['presence_penalty', 'frequency_penalty', 'stop']],
    ['grok-2', []],
  ])('xai: %s drops %j', (model, dropped) => {
    const fields = { presence_penalty: 1, frequency_penalty: 1, stop: ['x'], reasoning_effort: 'low' }
    const body: Record<string, unknown> = { model, ...fields }
    expect(patchOf('xai')(body)).toEqual(dropped)
    expect(Object.keys(body)).toEqual(['model', ...Object.keys(fields).filter((name) => !dropped.includes(name))])
  })

  test('mistral takes a named tool as "any" and words as they are', () => {
    const named: Record<string, unknown> = { tool_choice: { type: 'function', function: { name: 'f' } } }
    patchOf('mistral')(named)
    expect(named.tool_choice).toBe('any')
    const word: Record<string, unknown> = { tool_choice: 'auto' }
    patchOf('mistral')(word)
    expect(word.tool_choice).toBe('auto')
  })

  test.each(providers.filter(({ quirks }) => quirks?.patchFields).map(({ name }) => [name]))(
    '%s patches no other fields than it names',
    (name) => {
      const { patch, patchFields } = providers.find((provider) => provider.name === name)!.quirks!
      const touched = new Set<string>()
      const values: Record<string, unknown> = {
        user: 'u'.repeat(99),
        tool_choice: {},
        stop: 's',
        reasoning_effort: 'low',
        presence_penalty: 1,
      }
      for (const [field, value] of Object.entries(values)) {
        const body: Record<string, unknown> = { model: 'grok-4', [field]: value }
        if (patch!(body).length > 0 || body[field] !== value) touched.add(field)
      }
      for (const field of touched) expect(patchFields).toContain(field)
    },
  )
})
