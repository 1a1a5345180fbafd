import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import { virtualKeyHash } from '../../../../core/config/governance/settings.ts'
import { STORE_SETTLE_MS, StoreError } from '../../../../core/stores/stores.ts'
import { watchedStore } from '../../../helpers/watched-store.ts'
import { newStore, running } from './support.ts'

const key = (id: string, more: JsonObject = {}): JsonObject => ({ id, name: id, value: `sk-${id}`, models: ['*'], ...more })
const withKeys = (...keys: JsonObject[]): JsonObject => ({ providers: { openai: { keys } } })
const withVirtualKeys = (...keys: JsonObject[]): JsonObject => ({ ...withKeys(key('a')), governance: { virtual_keys: keys } })
const vk = (id: string, more: JsonObject = {}): JsonObject => ({ id, name: id, value: `sk-bf-${id}`, ...more })

describe('a change', () => {
  test('is checked as the file would be; what is refused leaves everything as it was', async () => {
    const store = watchedStore()
    const { live, tables, published } = await running(withKeys(key('a')), { store })
    const before = structuredClone(tables.providers.get('openai'))
    const held = live.entities.held('keys', 'a')
    const { writes } = store
    const refused: [string, string, JsonObject, string][] = [
      ['keys', 'a', { ...key('a'), provider: 'openai', models: ['*', 'x'] }, 'models: "*" allows everything'],
      ['keys', 'a', { ...key('a'), provider: 'nobody' }, 'provider: there is no provider "nobody"'],
      ['keys', 'a', { ...key('a'), provider: 'openai', colour: 'red' }, 'colour: unknown key'],
      ['providers', 'openai', { network_config: { base_url: 'x' } }, 'network_config.base_url: is not a URL'],
      ['teams', 't', { id: 't' }, 'name: is required'],
      ['routing_rules', 'r', { id: 'r', name: 'r', targets: [{ provider: 'nobody' }] }, 'targets[0].provider: there is no provider'],
      ['routing_rules', 'r', { id: 'r', name: 'r', targets: 'x' }, 'targets: must be a list'],
      ['settings', 'client', { max_request_body_size_mb: -1 }, 'max_request_body_size_mb: must be more than 0'],
      ['settings', 'proxy_config', { enabled: 'perhaps' }, 'enabled'],
      ['settings', 'framework', { colour: 'red' }, 'colour: unknown key'],
      ['keys', '__proto__', key('p'), 'id: '],
    ]
    for (const [collection, id, body, problem] of refused)
      await expect(live.write(collection, id, () => body)).rejects.toMatchObject({
        name: 'ConfigError',
        problems: expect.arrayContaining([expect.stringContaining(problem)]),
      })
    expect(store.writes).toBe(writes)
    expect(published).toEqual([])
    expect(live.entities.held('keys', 'a')).toBe(held)
    expect(tables.providers.get('openai')).toEqual(before)
  })
  test('that the store loses is none', async () => {
    const store = watchedStore()
    const { live, tables } = await running(withKeys(key('a')), { store })
    store.onWrite = () => Promise.reject(new StoreError('unavailable', 'gone'))
    await expect(live.write('keys', 'b', () => ({ ...key('b'), provider: 'openai' }))).rejects.toMatchObject({
      code: 'GW_STORE_UNAVAILABLE',
    })
    expect(live.entities.held('keys', 'b')).toBeUndefined()
    expect(tables.providers.get('openai')?.keys).toHaveLength(1)
  })
  test('is refused where the file alone rules', async () => {
    const { live } = await running(withKeys(key('a')))
    await expect(live.write('keys', 'a', () => undefined)).rejects.toMatchObject({ code: 'GW_NO_STORE' })
  })
})

describe('virtual keys in the tables', () => {
  const hash = (text: string) => virtualKeyHash(text)
  test('are what stands in the store, where a start has read the file', async () => {
    const store = newStore()
    const file = withVirtualKeys(vk('same'), vk('changed'), vk('gone'), { id: 'unnamed', value: 'sk-bf-unnamed' })
    const { live } = await running(file, { store, isChecked: true })
    await live.write('virtual_keys', 'changed', (held) => ({ ...held?.body, value: 'sk-bf-next', is_active: false }))
    await live.write('virtual_keys', 'gone', () => undefined)
    await live.write('virtual_keys', 'added', () => vk('added'))
    const { tables } = await running(file, { store, isChecked: true })
    expect([...tables.virtualKeys.keys()].sort()).toEqual(['added', 'changed', 'same', 'unnamed'])
    expect(tables.virtualKeys.get('changed')?.isActive).toBe(false)
    expect(Object.fromEntries(tables.virtualKeyIds)).toEqual({
      [hash('sk-bf-same')]: 'same',
      [hash('sk-bf-next')]: 'changed',
      [hash('sk-bf-added')]: 'added',
      [hash('sk-bf-unnamed')]: 'unnamed',
    })
  })
  test('a new value takes the place of the old one, a removal leaves nothing', async () => {
    const { live, tables } = await running(withVirtualKeys(vk('one')), { store: newStore() })
    expect([...tables.virtualKeyIds]).toEqual([[hash('sk-bf-one'), 'one']])
    await live.write('virtual_keys', 'one', (held) => ({ ...held?.body, value: 'sk-bf-next' }))
    expect([...tables.virtualKeyIds]).toEqual([[hash('sk-bf-next'), 'one']])
    await live.write('virtual_keys', 'one', (held) => ({ ...held?.body, description: 'the same value' }))
    expect([...tables.virtualKeyIds]).toEqual([[hash('sk-bf-next'), 'one']])
    await live.write('virtual_keys', 'one', () => undefined)
    expect([...tables.virtualKeyIds, ...tables.virtualKeys]).toEqual([])
  })
  test('two may pass a value from one to the other', async () => {
    const { live, tables } = await running(withVirtualKeys(vk('one'), vk('two')), { store: newStore() })
    await live.write('virtual_keys', 'one', (held) => ({ ...held?.body, value: 'sk-bf-third' }))
    await live.write('virtual_keys', 'two', (held) => ({ ...held?.body, value: 'sk-bf-one' }))
    expect(tables.virtualKeyIds.get(hash('sk-bf-one'))).toBe('two')
    expect(tables.virtualKeyIds.size).toBe(2)
    expect(live.entities.virtualKeyBy(hash('sk-bf-one'))?.id).toBe('two')
    expect(live.entities.virtualKeyBy(hash('sk-bf-two'))).toBeUndefined()
  })
  test('a file that alone rules takes them away too', async () => {
    const { live, tables } = await running(withVirtualKeys(vk('one'), vk('two')))
    await live.reload(withVirtualKeys(vk('two', { value: 'sk-bf-other' })))
    expect([...tables.virtualKeys.keys()]).toEqual(['two'])
    expect([...tables.virtualKeyIds]).toEqual([[hash('sk-bf-other'), 'two']])
  })
})

describe('environment variables', () => {
  test('that a change names must be there', async () => {
    const { live } = await running(withKeys(key('a')), { store: newStore(), env: { THERE: 'sk-there' } })
    await live.write('keys', 'a', (held) => ({ ...held?.body, value: 'env.THERE' }))
    await expect(live.write('keys', 'a', (held) => ({ ...held?.body, value: 'env.MISSING' }))).rejects.toMatchObject({
      problems: [expect.stringContaining('MISSING')],
    })
    expect(live.entities.get('keys', 'a')?.value).toBe('env.THERE')
  })
  test('that are gone at the next start turn off what needs them, and nothing else', async () => {
    const store = newStore()
    const env = { KEY: 'sk-by-env', VK: 'sk-bf-by-env' }
    const file = {
      ...withKeys(key('a'), key('b', { value: 'env.KEY' })),
      governance: { virtual_keys: [vk('one'), vk('two', { value: 'env.VK' })] },
    }
    expect((await running(file, { store, env })).tables.virtualKeyIds.size).toBe(2)
    const { tables } = await running({}, { store })
    expect(tables.providers.get('openai')?.keys.map(({ id, enabled }) => [id, enabled])).toEqual([
      ['a', true],
      ['b', false],
    ])
    expect(tables.virtualKeys.get('two')?.isActive).toBe(false)
    expect([...tables.virtualKeyIds.values()]).toEqual(['one'])
  })
})

describe('the file and the store', () => {
  const weight = (tables: Awaited<ReturnType<typeof running>>['tables']) => tables.providers.get('openai')?.keys[0]?.weight
  test('an entity of the file that has changed wins, one that has not leaves what the API wrote', async () => {
    const store = newStore()
    const first = await running(withKeys(key('a', { weight: 0.1 })), { store })
    await first.live.write('keys', 'a', (held) => ({ ...held?.body, weight: 0.2 }))
    expect(weight((await running(withKeys(key('a', { weight: 0.1 })), { store })).tables)).toBe(0.2)
    // As the management API writes: without what the gateway keeps for itself.
    await first.live.write('keys', 'a', () => ({ ...key('a', { weight: 0.5 }), provider: 'openai' }))
    expect(weight((await running(withKeys(key('a', { weight: 0.1 })), { store })).tables)).toBe(0.5)
    expect(weight((await running(withKeys({ models: ['*'], weight: 0.1, value: 'sk-a', name: 'a', id: 'a' }), { store })).tables)).toBe(0.5)
    const third = await running(withKeys(key('a', { weight: 0.3 })), { store })
    expect(weight(third.tables)).toBe(0.3)
    await third.live.write('keys', 'a', (held) => ({ ...held?.body, weight: 0.4 }))
    await third.live.reload(withKeys(key('a', { weight: 0.3 })))
    expect(weight(third.tables)).toBe(0.4)
    await third.live.reload(withKeys(key('a', { weight: 0.6 })))
    expect(weight(third.tables)).toBe(0.6)
  })
  test('what the file lacks stays', async () => {
    const store = newStore()
    await running(withVirtualKeys(vk('one')), { store })
    const { tables } = await running(withKeys(key('b')), { store })
    expect([...tables.virtualKeys.keys()]).toEqual(['one'])
    expect(tables.providers.get('openai')?.keys.map(({ id }) => id)).toEqual(['a', 'b'])
  })
  test('two machines that start together with the same file both start', async () => {
    const store = newStore()
    const file = withVirtualKeys(vk('one'), vk('two'))
    const [one, other] = await Promise.all([running(file, { store }), running(file, { store })])
    for (const { tables } of [one, other]) expect([...tables.virtualKeys.keys()].sort()).toEqual(['one', 'two'])
    expect((await store.readPage(undefined, 100)).every(({ version }) => version === 1)).toBe(true)
  })
  test('a name that another one in the store has is told', async () => {
    const store = newStore()
    await running(withVirtualKeys(vk('one', { name: 'taken' })), { store })
    await expect(running(withVirtualKeys(vk('two', { name: 'taken' })), { store })).rejects.toMatchObject({
      problems: ['virtual_keys "two": its name is that of another one in the store'],
    })
  })
  test('a store that is lost in the middle of a merge keeps what was written, and the rest is made up for', async () => {
    const store = watchedStore()
    const { live, tables } = await running(withKeys(key('a')), { store })
    const next = { ...withKeys(key('a', { weight: 0.5 })), governance: { teams: ['t1', 't2', 't3'].map((id) => ({ id, name: id })) } }
    const last = store.writes + 2
    store.onWrite = (count) => (count > last ? Promise.reject(new StoreError('unavailable', 'gone')) : undefined)
    await expect(live.reload(next)).rejects.toMatchObject({ fault: 'unavailable' })
    const seen = [tables.providers.get('openai')?.keys[0]?.weight, ...tables.teams.keys()]
    expect(seen.length).toBeGreaterThan(1)
    store.onWrite = () => {}
    await live.reload(next)
    expect([...tables.teams.keys()]).toEqual(['t1', 't2', 't3'])
  })
})

describe('several machines over one store', () => {
  test('no update is lost, whoever writes first', async () => {
    const store = newStore()
    const machines = [await running(withKeys(key('a', { aliases: {} })), { store }), await running({}, { store })]
    const names = Array.from({ length: 10 }, (_, index) => `m${index}`)
    await Promise.all(
      names.map((name, index) =>
        machines[index % 2]?.live.write('keys', 'a', (held) => ({
          ...held?.body,
          aliases: { ...(held?.body.aliases as JsonObject), [name]: 'text' },
        })),
      ),
    )
    for (const { live, tables } of machines) {
      await live.refresh()
      expect(Object.keys(live.entities.get('keys', 'a')?.aliases as JsonObject).sort()).toEqual(names)
      expect(Object.keys(tables.providers.get('openai')?.keys[0]?.aliases ?? {}).sort()).toEqual(names)
    }
  })
  test('one that makes what another made, or takes its name, is refused', async () => {
    const store = newStore()
    const [one, other] = [await running(withKeys(key('a')), { store }), await running({}, { store })]
    await one.live.write('teams', 't', () => ({ id: 't', name: 'first' }))
    await one.live.write('virtual_keys', 'v', () => vk('v'))
    await expect(other.live.write('virtual_keys', 'w', () => vk('w', { name: 'v' }))).rejects.toMatchObject({ code: 'GW_CONFLICT' })
    await expect(
      other.live.write('teams', 't', (held) => {
        if (held) throw new Error(`there is ${held.body.name}`)
        return { id: 't', name: 'second' }
      }),
    ).rejects.toThrow('there is first')
    expect(other.tables.teams.get('t')?.name).toBe('first')
  })
  test('sees what others write, and what they remove', async () => {
    const store = newStore()
    const [one, other] = [await running(withVirtualKeys(vk('v')), { store }), await running({}, { store })]
    await one.live.write('virtual_keys', 'v', () => undefined)
    await one.live.write('settings', 'client', () => ({ enforce_auth_on_inference: true }))
    await other.live.refresh()
    expect([...other.tables.virtualKeys, ...other.tables.virtualKeyIds]).toEqual([])
    expect(other.tables.client.get('client')?.asksForCredential).toBe(true)
    expect(other.published).toHaveLength(1)
    await other.live.refresh()
    expect(other.published).toHaveLength(1)
  })
  test('a number that was passed over is waited for, until it cannot come any more', async () => {
    let now = 1_000_000
    const store = watchedStore()
    const { live, tables } = await running(withKeys(key('a')), { store, now: () => now })
    const { changesSince } = store
    let isUnderWay = true
    store.changesSince = async (change) => (await changesSince(change)).filter(({ id }) => id !== 'slow' || !isUnderWay)
    await store.inner.write('teams', 'slow', { id: 'slow', name: 'slow' }, { version: 0 })
    await store.inner.write('teams', 'fast', { id: 'fast', name: 'fast' }, { version: 0 })
    await live.refresh()
    expect([...tables.teams.keys()]).toEqual(['fast'])
    now += STORE_SETTLE_MS - 1
    isUnderWay = false
    await live.refresh()
    expect([...tables.teams.keys()]).toEqual(['fast', 'slow'])
  })
  test('reads everything again where too much was missed; until it is there, what was known stands', async () => {
    const store = watchedStore()
    const { live, tables } = await running(withVirtualKeys(vk('stays'), vk('goes')), { store })
    const goes = await store.read('virtual_keys', 'goes')
    await store.inner.remove('virtual_keys', 'goes', { version: goes?.version ?? 0 })
    await store.inner.write('teams', 'new', { id: 'new', name: 'new' }, { version: 0 })
    store.oldestChange = async () => 1_000
    const { readPage } = store
    store.readPage = () => Promise.reject(new StoreError('unavailable', 'gone'))
    await expect(live.refresh()).rejects.toMatchObject({ fault: 'unavailable' })
    expect([...live.entities.all('virtual_keys').keys()]).toEqual(['stays', 'goes'])
    store.readPage = readPage
    await live.refresh()
    expect([...tables.virtualKeys.keys()]).toEqual(['stays'])
    expect([...tables.virtualKeyIds.values()]).toEqual(['stays'])
    expect([...tables.teams.keys()]).toEqual(['new'])
    expect([...live.entities.all('virtual_keys').keys()]).toEqual(['stays'])
  })
})
