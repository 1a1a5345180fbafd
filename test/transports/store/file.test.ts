import { describe, expect, test } from 'vitest'
import { type StoreGateway, until, writeConfig } from '../../helpers/store-gateway.ts'
import { storeSuite } from '../../helpers/store-suite.ts'

const QUICK = { shutdown: { drain_delay_seconds: 0, grace_seconds: 1 } }
const suite = storeSuite()

/** A file in which two virtual keys may use these models. */
function file({ one = ['text'], two = ['text'], hasStore = true }: { one?: string[]; two?: string[]; hasStore?: boolean } = {}): object {
  const access = (id: string, models: string[]) => ({
    id,
    value: `sk-bf-${id}`,
    provider_configs: [{ provider: 'openai', allowed_models: models, key_ids: ['*'], weight: 1 }],
  })
  return {
    client: QUICK,
    providers: { openai: { keys: [{ name: 'k', value: 'sk-k', models: ['*'] }], network_config: { base_url: suite.upstream.url } } },
    governance: { virtual_keys: [access('one', one), access('two', two)] },
    ...(hasStore && { config_store: { enabled: true, type: 'sqlite' } }),
  }
}

/** Statuses of both keys for a model. */
async function statuses({ chat }: StoreGateway, model: string): Promise<number[]> {
  return [(await chat(`openai/${model}`, 'sk-bf-one')).status, (await chat(`openai/${model}`, 'sk-bf-two')).status]
}

const allow = (models: string[]) => ({ provider_configs: [{ provider: 'openai', allowed_models: models, key_ids: ['*'], weight: 1 }] })

describe('a file and a store', () => {
  test('an entity that the API changed stays while the file says the same; one that changed in the file wins', async () => {
    suite.fill({ 'config.json': file() })
    let gateway = await suite.start()
    expect(await statuses(gateway, 'tools')).toEqual([403, 403])
    for (const id of ['one', 'two'])
      expect((await gateway.api(`PUT /api/governance/virtual-keys/${id}`, allow(['tools']))).status).toBe(200)
    expect(await statuses(gateway, 'tools')).toEqual([200, 200])
    await gateway.stop()

    gateway = await suite.start()
    expect(await statuses(gateway, 'tools')).toEqual([200, 200])
    expect(await statuses(gateway, 'text')).toEqual([403, 403])
    await gateway.stop()

    writeConfig(suite.folder, file({ two: ['text', 'long'] }))
    gateway = await suite.start()
    expect(await statuses(gateway, 'tools')).toEqual([200, 403])
    expect(await statuses(gateway, 'long')).toEqual([403, 200])
    expect(gateway.output()).toMatch(/"entities":1,.*the file was merged into the store/)
  })

  test('what the API removed stays away until the file speaks of it anew', async () => {
    suite.fill({ 'config.json': file() })
    let gateway = await suite.start()
    expect((await gateway.api('DELETE /api/governance/virtual-keys/two')).status).toBe(200)
    expect(await statuses(gateway, 'text')).toEqual([200, 401])
    await gateway.stop()
    gateway = await suite.start()
    expect(await statuses(gateway, 'text')).toEqual([200, 401])
    writeConfig(suite.folder, file({ one: ['tools'] }))
    await gateway.waitFor(/the changed configuration file was taken over/)
    expect(await statuses(gateway, 'tools')).toEqual([200, 401])
    writeConfig(suite.folder, file({ one: ['tools'], two: ['tools'] }))
    await gateway.waitFor(/taken over[^]*the changed configuration file was taken over/)
    expect(await statuses(gateway, 'tools')).toEqual([200, 200])
  })
})

describe.each([
  ['with a store', true],
  ['by itself', false],
])('a file that is edited while the gateway runs, %s', (_, hasStore) => {
  test('is taken over; a broken edit is refused with line and path, and what ran runs on', async () => {
    suite.fill({ 'config.json': file({ hasStore }) })
    const gateway = await suite.start({ args: ['--threads', '2'] })
    expect(await statuses(gateway, 'long')).toEqual([403, 403])
    writeConfig(suite.folder, file({ hasStore, one: ['long'] }))
    await gateway.waitFor(/the changed configuration file was taken over/)
    expect(await statuses(gateway, 'long')).toEqual([200, 403])

    const broken = JSON.stringify(file({ hasStore, one: ['text'] }), null, 1).replace('"sk-bf-two"', '"sk-bf-two", "alowed": true')
    writeConfig(suite.folder, broken)
    const [line] = await gateway.waitFor(/.*what ran before runs on.*/)
    const [problem] = JSON.parse(line).problems as string[]
    const wrongLine = broken.slice(0, broken.indexOf('"alowed"')).split('\n').length
    expect(problem).toContain(`${wrongLine}`)
    expect(problem).toContain('governance.virtual_keys')
    expect(problem).toContain('alowed')
    writeConfig(suite.folder, '{"providers": {')
    await gateway.waitFor(/what ran before runs on[^]*what ran before runs on/)
    expect(await statuses(gateway, 'long')).toEqual([200, 403])

    writeConfig(suite.folder, file({ hasStore, one: ['text'], two: ['long'] }))
    await until(
      () => statuses(gateway, 'long'),
      ([one, two]) => one === 403 && two === 200,
    )
  })
})
