import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../core/canonical/json.ts'
import { loadConfig } from '../../core/config/load.ts'
import type { Context } from '../../core/context.ts'
import type { GatewayError } from '../../core/errors.ts'
import { createRegistry } from '../../core/registry.ts'
import { findCandidates, permits, readFallbacks, requestTypeOf, resolveGoal, withOperation } from '../../core/routing.ts'
import type { Runtime } from '../../core/runtime.ts'
import { createShared, openShared } from '../../core/shared.ts'
import { authenticators } from '../../providers/auth/index.ts'
import { formats } from '../../providers/formats/index.ts'
import { plannedProviders, providers } from '../../providers/index.ts'

/** What routing reads of a thread, over a real configuration; `random` gives its numbers in turn. */
function runtimeOf(config: JsonObject, random: readonly number[] = [0]): Runtime {
  const { tables, problems } = loadConfig({
    config: { providers: config },
    env: {},
    builtins: { providers, planned: plannedProviders, plugins: [] },
  })
  expect(problems).toEqual([])
  let drawn = 0
  return {
    tables,
    registry: createRegistry({ formats, providers, authenticators }),
    shared: openShared(createShared()),
    random: () => random[drawn++ % random.length] as number,
    wallClock: () => 1000,
  } as unknown as Runtime
}

const key = (name: string, more: JsonObject = {}): JsonObject => ({ name, value: `sk-${name}`, models: ['*'], ...more })
const openai = (...keys: JsonObject[]): JsonObject => ({ openai: { keys } })

function failure(work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    return error as GatewayError
  }
  throw new Error('nothing was thrown')
}

function candidates(runtime: Runtime, model: string): string[] {
  return findCandidates(runtime, resolveGoal(runtime, model)).map((candidate) => `${candidate.key?.name ?? 'none'}:${candidate.model}`)
}

describe('a model’s name', () => {
  const runtime = runtimeOf({
    ...openai(key('a')),
    'my-own': {
      ...(openai(key('b')).openai as JsonObject),
      custom_provider_config: { base_provider_type: 'openai' },
      network_config: { base_url: 'http://x' },
    },
  })

  test.each([
    ['openai/gpt-4o', 'openai', 'gpt-4o'],
    ['openai/ft:gpt/with/slashes', 'openai', 'ft:gpt/with/slashes'],
    ['openai/openai/gpt', 'openai', 'openai/gpt'],
    ['my-own/anything', 'my-own', 'anything'],
    ['demo/hello', 'demo', 'hello'],
  ])('%s is of %s', (name, provider, model) => {
    const goal = resolveGoal(runtime, name)
    expect([goal.settings.name, goal.model]).toEqual([provider, model])
  })

  test.each([
    ['', 'GW_MODEL_REQUIRED'],
    ['openai/', 'GW_MODEL_REQUIRED'],
    ['gpt-4o', 'GW_PROVIDER_REQUIRED'],
    ['/gpt-4o', 'GW_PROVIDER_REQUIRED'],
    ['meta-llama/Llama-3', 'GW_PROVIDER_REQUIRED'],
    ['OpenAI/gpt', 'GW_PROVIDER_REQUIRED'],
    ['__proto__/x', 'GW_PROVIDER_REQUIRED'],
    ['groq/llama', 'GW_NO_KEYS'],
    ['anthropic/claude', 'GW_NO_KEYS'],
  ])('%j fails with %s, a 400', (name, code) => {
    expect(failure(() => resolveGoal(runtime, name))).toMatchObject({ code, status: 400 })
  })

  test('an unknown provider is named', () => {
    expect(failure(() => resolveGoal(runtime, 'meta-llama/Llama-3')).message).toContain('"meta-llama" is no configured provider')
  })
})

describe('fallbacks', () => {
  test.each([
    [undefined, []],
    ['openai/gpt', []],
    [
      ['openai/gpt', 'anthropic/claude'],
      ['openai/gpt', 'anthropic/claude'],
    ],
    [['gpt', '/gpt', 'openai/', '', 3, null, {}, ['a/b']], []],
    [[{ provider: 'openai', model: 'a/b' }, { provider: 'openai' }, { provider: 1, model: 2 }], ['openai/a/b']],
  ])('%j reads %j', (value, expected) => {
    expect(readFallbacks(value)).toEqual(expected)
  })
})

describe('keys', () => {
  test.each([
    { name: 'one key for all', keys: [key('a')], found: ['a:m'] },
    { name: 'the model’s own', keys: [key('a', { models: ['m'] }), key('b', { models: ['other'] })], found: ['a:m'] },
    { name: 'not a blacklisted one', keys: [key('a', { blacklisted_models: ['m'] }), key('b')], found: ['b:m'] },
    { name: 'not a disabled one', keys: [key('a', { enabled: false }), key('b')], found: ['b:m'] },
    { name: 'the alias of each key', keys: [key('a', { aliases: { m: 'real-m' } }), key('b')], found: ['a:real-m', 'b:m'] },
    { name: 'D3 not one without weight', keys: [key('a', { weight: null }), key('b', { weight: 0.1 })], found: ['b:m'] },
    { name: 'D3 not even beside one of weight 0', keys: [key('a', { weight: null }), key('b', { weight: 0 })], found: ['b:m'] },
    {
      name: 'D3 one without weight where no other serves the model',
      keys: [key('a', { weight: null }), key('b', { models: ['other'] })],
      found: ['a:m'],
    },
    { name: 'one of weight 0 comes last', keys: [key('a', { weight: 0 }), key('b', { weight: 0.1 })], found: ['b:m', 'a:m'] },
    { name: 'aliases are no members of Object', keys: [key('a', { aliases: { toString: 'x' } })], found: ['a:m'] },
  ])('$name', ({ keys, found }) => {
    expect(candidates(runtimeOf(openai(...keys)), 'openai/m')).toEqual(found)
  })

  test.each([
    { name: 'only disabled keys', config: openai(key('a', { enabled: false })), code: 'GW_NO_KEYS', status: 400 },
    {
      name: 'no key for the model',
      config: openai(key('a', { models: ['other'] })),
      code: 'GW_NO_KEY_FOR_MODEL',
      status: 403,
      rule: 'models of its keys',
    },
    {
      name: 'an empty allow-list',
      config: openai(key('a', { models: [] })),
      code: 'GW_NO_KEY_FOR_MODEL',
      status: 403,
      rule: 'models of its keys',
    },
    {
      name: 'blacklisted',
      config: openai(key('a', { blacklisted_models: ['m'] })),
      code: 'GW_NO_KEY_FOR_MODEL',
      status: 403,
      rule: 'blacklisted_models',
    },
  ])('$name: $code', ({ config, code, status, rule }) => {
    const error = failure(() => candidates(runtimeOf(config), 'openai/m'))
    expect(error).toMatchObject({ code, status })
    expect(error.message).toContain(rule ?? 'no keys found')
    expect(error.message).not.toContain('sk-')
  })

  test('a keyless provider has one candidate without a key', () => {
    expect(candidates(runtimeOf({}), 'demo/hello')).toEqual(['none:hello'])
  })

  test('are drawn by weight, without replacement', () => {
    const keys = [key('a', { weight: 1 }), key('b', { weight: 2 }), key('c', { weight: 1 })]
    const draws = (first: number) => candidates(runtimeOf(openai(...keys), [first, 0]), 'openai/m')
    expect(draws(0)[0]).toBe('a:m')
    expect(draws(0.24)[0]).toBe('a:m')
    expect(draws(0.25)[0]).toBe('b:m')
    expect(draws(0.74)[0]).toBe('b:m')
    expect(draws(0.75)[0]).toBe('c:m')
    expect(draws(0.999)).toEqual(['c:m', 'a:m', 'b:m'])
  })

  test('weights that are all nothing count as equal', () => {
    const keys = [key('a', { weight: 0 }), key('b', { weight: 0 })]
    expect(candidates(runtimeOf(openai(...keys), [0.4]), 'openai/m')[0]).toBe('a:m')
    expect(candidates(runtimeOf(openai(...keys), [0.6]), 'openai/m')[0]).toBe('b:m')
  })

  test('that cool down come last, and first again when the time is over', () => {
    const runtime = runtimeOf(openai(key('a'), key('b')))
    const slot = runtime.tables.providers.get('openai')?.keys.find(({ name }) => name === 'a')?.slot as number
    runtime.shared.coolDown.set(slot, 1001)
    expect(candidates(runtime, 'openai/m')).toEqual(['b:m', 'a:m'])
    runtime.shared.coolDown.clear(slot)
    runtime.shared.coolDown.set(slot, 1000)
    expect(candidates(runtime, 'openai/m')).toEqual(['a:m', 'b:m'])
  })
})

describe('the core’s own guard', () => {
  const runtime = runtimeOf({
    ...openai(key('a', { aliases: { m: 'real' } }), key('b', { blacklisted_models: ['m'] })),
    anthropic: { keys: [key('c')] },
  })
  const goal = resolveGoal(runtime, 'openai/m')
  const [own] = findCandidates(runtime, goal)
  const [foreign] = findCandidates(runtime, resolveGoal(runtime, 'anthropic/m'))

  test('permits what routing found, reweighed or not', () => {
    expect(own && permits(goal, { ...own, weight: 99 })).toBe(true)
  })

  test('permits no other key than the one that the client named, whatever a plugin chose', () => {
    const both = runtimeOf(openai(key('a'), key('b', { weight: null })))
    const open = resolveGoal(both, 'openai/m')
    const [one, other] = open.settings.keys
    const pinned = { ...open, wish: { pin: other } }
    const candidate = (chosen: typeof one) => ({ provider: open.settings, key: chosen, model: 'm', weight: 1 })
    expect(findCandidates(both, pinned).map((found) => found.key?.name)).toEqual(['b'])
    expect([permits(pinned, candidate(one)), permits(pinned, candidate(other))]).toEqual([false, true])
    expect(permits(open, candidate(other))).toBe(true)
  })

  test.each([
    ['another provider’s candidate', { ...foreign }],
    ['another provider’s key', { ...own, key: foreign?.key }],
    ['a key that a list denies', { ...own, key: goal.settings.keys[1] }],
    ['a key of a plugin’s own making', { ...own, key: { ...own?.key } }],
    ['another model', { ...own, model: 'another' }],
    ['the model before its alias', { ...own, model: 'm' }],
    ['no key where there are keys', { ...own, key: undefined }],
  ])('refuses %s', (_, candidate) => {
    expect(permits(goal, candidate as never)).toBe(false)
  })
})

describe('operations', () => {
  const ctx = (operation: string, stream: boolean): Context => ({ operation, stream }) as Context
  const custom = (allowed?: JsonObject): Runtime =>
    runtimeOf({
      own: {
        keys: [key('a')],
        network_config: { base_url: 'http://x' },
        custom_provider_config: { base_provider_type: 'openai', ...(allowed && { allowed_requests: allowed }) },
      },
    })

  test.each([
    [undefined, false, true],
    [undefined, true, true],
    [{ chat_completion: true }, false, true],
    [{ chat_completion: true }, true, false],
    [{ chat_completion_stream: true }, true, true],
    [{ chat_completion: false }, false, false],
    [{}, false, false],
  ])('allowed_requests %j, stream %s: %s', (allowed, stream, isAllowed) => {
    const runtime = custom(allowed as JsonObject | undefined)
    const check = () => withOperation(runtime, resolveGoal(runtime, 'own/m'), ctx('chat_completion', stream))
    if (isAllowed) expect(check).not.toThrow()
    else expect(failure(check)).toMatchObject({ code: 'GW_UNSUPPORTED_OPERATION', status: 400 })
  })

  test('what an entry has no path for is not served', () => {
    const runtime = custom()
    expect(failure(() => withOperation(runtime, resolveGoal(runtime, 'own/m'), ctx('rerank', false))).message).toBe(
      'rerank is not supported by own provider',
    )
  })

  test('streams have a name of their own', () => {
    expect([requestTypeOf(ctx('chat_completion', false)), requestTypeOf(ctx('chat_completion', true))]).toEqual([
      'chat_completion',
      'chat_completion_stream',
    ])
  })
})
