import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../../core/deadlines.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Candidate, Hooks, Outcome, StreamStage } from '../../../core/hooks/hooks.ts'
import { definePlugin, type Plugin } from '../../../core/plugin/plugin.ts'
import type { ProviderSettings } from '../../../core/snapshot.ts'
import { contextOf, loadValues, memoryLog } from '../../helpers/plugins.ts'

const provider = { name: 'alpha' } as ProviderSettings
const candidates: readonly Candidate[] = [
  { provider, model: 'small', weight: 1 },
  { provider, model: 'large', weight: 2 },
]
const good: Outcome = {
  ok: true,
  isStream: false,
  provider: 'alpha',
  model: 'small',
  key: 'main',
  latencyMs: 1,
  usage: undefined,
  response: { id: 'r', model: 'small', choices: [{ index: 0, parts: [{ type: 'text', text: 'yes' }], stop: { reason: 'stop' } }] } as never,
}

function pluginOf(name: string, hooks: Hooks, more: Partial<Plugin> = {}): Plugin {
  return definePlugin({ ...more, name, setup: () => ({ hooks }) })
}
async function callersOf(...plugins: Plugin[]) {
  const log = memoryLog()
  const loaded = await loadValues(plugins, log)
  return { callers: loaded.callers('chat_completion'), log }
}
const boom = () => {
  throw new Error('boom')
}
function caught(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('callers', () => {
  test('a hook nobody listens to is absent', async () => {
    const { callers } = await callersOf(pluginOf('a', { governance: () => undefined }))
    expect(Object.keys(callers).sort()).toEqual(['governance', 'needs'])
  })

  test('synchronous handlers make a synchronous caller, one asynchronous handler makes a promise of all', async () => {
    const sync = pluginOf('a', { governance: () => undefined })
    const waiting = pluginOf('b', { governance: { async: true, handler: async () => undefined } })
    expect((await callersOf(sync)).callers.governance?.(contextOf())).toBeUndefined()
    expect((await callersOf(sync, waiting)).callers.governance?.(contextOf())).toBeInstanceOf(Promise)
  })

  test('the first refusal wins and later handlers are not called', async () => {
    const seen: string[] = []
    const refuse = (name: string) =>
      pluginOf(name, {
        governance() {
          seen.push(name)
          return new GatewayError('GW_REQUEST_BLOCKED', { reason: name })
        },
      })
    const { callers } = await callersOf(refuse('a'), refuse('b'))
    expect(callers.governance?.(contextOf())).toMatchObject({
      code: 'GW_REQUEST_BLOCKED',
      detail: { reason: 'a', plugin: 'a', hook: 'governance' },
    })
    expect(seen).toEqual(['a'])
  })

  test('an asynchronous handler that consents does not skip the next one', async () => {
    const { callers } = await callersOf(
      pluginOf('a', { governance: { async: true, handler: async () => undefined } }),
      pluginOf('b', { governance: () => new GatewayError('GW_REQUEST_BLOCKED', { reason: 'b' }) }),
    )
    expect(await callers.governance?.(contextOf())).toMatchObject({ detail: { reason: 'b' } })
  })

  test('a waterfall hands on what each handler returns, and the value itself where it returns nothing', async () => {
    const { callers } = await callersOf(
      pluginOf('a', { keySelection: (list) => list.filter((each) => each.model === 'large') }),
      pluginOf('b', { keySelection: () => undefined }),
    )
    expect(callers.keySelection?.(candidates, contextOf())).toEqual([candidates[1]])
  })

  test('handlers are called only for their operations, and needs are the union of those called', async () => {
    const { callers } = await callersOf(
      pluginOf('a', { preRequest: { operations: ['list_models'], needs: 'canonical', handler: boom } }),
      pluginOf('b', { postHook: { needs: ['response', 'texts'], handler: () => undefined } }),
    )
    expect(callers.preRequest).toBeUndefined()
    expect([...callers.needs].sort()).toEqual(['response', 'texts'])
  })

  test('pre and post order handlers', async () => {
    const seen: string[] = []
    const named = (name: string, order?: 'pre' | 'post') =>
      pluginOf(name, { preRequest: { ...(order && { order }), handler: () => void seen.push(name) } })
    const { callers } = await callersOf(named('last', 'post'), named('middle'), named('first', 'pre'))
    callers.preRequest?.(contextOf())
    expect(seen).toEqual(['first', 'middle', 'last'])
  })

  test('anonymous handlers have callers of their own', async () => {
    const { callers } = await callersOf(
      pluginOf('a', { postHook: { anonymous: true, handler: () => undefined } }),
      pluginOf('b', { preRequest: boom, postHook: () => ({ ok: false, error: new GatewayError('GW_LOOP') }) }),
    )
    expect(callers.anonymous?.preRequest).toBeUndefined()
    expect(callers.anonymous?.postHook?.(good, contextOf())).toBe(good)
    expect(callers.postHook?.(good, contextOf())).toMatchObject({ ok: false })
  })
})

describe('failures (row 46)', () => {
  const stamped = (hook: string) => ({ code: 'GW_PLUGIN', status: 500, detail: { plugin: 'bad', hook }, cause: { message: 'boom' } })

  test('governance fails closed: the failure is a refusal', async () => {
    const { callers } = await callersOf(pluginOf('bad', { governance: boom }))
    expect(callers.governance?.(contextOf())).toMatchObject(stamped('governance'))
  })

  test('preRequest, keySelection and stream fail the request', async () => {
    const { callers } = await callersOf(pluginOf('bad', { preRequest: boom, keySelection: boom, stream: boom }))
    const ctx = contextOf()
    expect(caught(() => callers.preRequest?.(ctx))).toMatchObject(stamped('preRequest'))
    expect(caught(() => callers.keySelection?.(candidates, ctx))).toMatchObject(stamped('keySelection'))
    expect(caught(() => callers.stream?.([], ctx))).toMatchObject(stamped('stream'))
  })

  test('postHook keeps the answer and logs, also in a plugin that fails closed', async () => {
    const { callers, log } = await callersOf(pluginOf('bad', { postHook: boom }, { onError: 'closed' }))
    expect(callers.postHook?.(good, contextOf())).toBe(good)
    expect(log.lines).toMatchObject([{ level: 'error', facts: { id: 'request-1', plugin: 'bad', hook: 'postHook' } }])
  })

  test('a postHook handler that is closed itself fails the outcome', async () => {
    const { callers } = await callersOf(pluginOf('bad', { postHook: { onError: 'closed', handler: boom } }))
    expect(callers.postHook?.(good, contextOf())).toMatchObject({ ok: false, error: stamped('postHook') })
  })

  test('a plugin declared open is passed over, and the next one still asked', async () => {
    const { callers, log } = await callersOf(
      pluginOf('bad', { governance: boom, preRequest: boom }, { onError: 'open' }),
      pluginOf('b', { governance: () => new GatewayError('GW_REQUEST_BLOCKED', { reason: 'b' }) }),
    )
    expect(callers.preRequest?.(contextOf())).toBeUndefined()
    expect(callers.governance?.(contextOf())).toMatchObject({ detail: { reason: 'b' } })
    expect(log.lines).toHaveLength(2)
  })

  test('an asynchronous rejection is charged like a throw', async () => {
    const { callers } = await callersOf(pluginOf('bad', { governance: { async: true, handler: async () => boom() } }))
    expect(await callers.governance?.(contextOf())).toMatchObject(stamped('governance'))
  })

  test('a handler that hangs is cut at the time-out of its plugin, and its late rejection is nobody’s', async () => {
    let rejectLate = (_: Error) => {}
    const handler = () => new Promise<undefined>((_, reject) => (rejectLate = reject))
    let now = 0
    const deadlines = new Deadlines({ now: () => now, every: () => () => {} })
    const plugin = pluginOf('bad', { governance: { async: true, handler } }, { timeoutMs: 5_000 })
    const callers = (await loadValues([plugin], memoryLog(), deadlines)).callers('chat_completion')
    const refusal = callers.governance?.(contextOf())
    now = 5_000
    deadlines.sweep()
    expect(await refusal).toMatchObject({ code: 'GW_PLUGIN', cause: { message: 'no answer within 5000 ms' } })
    expect(deadlines.size).toBe(0)
    rejectLate(new Error('late'))
  })

  test('a promise from a handler that declared none refuses the request, and does not open the gate', async () => {
    const handler = (() => Promise.reject(new Error('unseen'))) as never
    const { callers } = await callersOf(pluginOf('bad', { governance: handler }))
    expect(callers.governance?.(contextOf())).toMatchObject({
      code: 'GW_PLUGIN',
      cause: { message: expect.stringContaining('async: true') },
    })
  })

  test('garbage in each hook is the plugin’s failure', async () => {
    const garbage = (() => 'garbage') as never
    const hooks = { preRequest: garbage, governance: garbage, keySelection: garbage, stream: garbage, postHook: garbage }
    const { callers, log } = await callersOf(pluginOf('bad', hooks))
    const ctx = contextOf()
    const failure = expect.objectContaining({ code: 'GW_PLUGIN' })
    expect(() => callers.preRequest?.(ctx)).toThrow(failure)
    expect(callers.governance?.(ctx)).toMatchObject({ code: 'GW_PLUGIN' })
    expect(() => callers.keySelection?.(candidates, ctx)).toThrow(failure)
    expect(() => callers.stream?.([], ctx)).toThrow(failure)
    expect(callers.postHook?.(good, ctx)).toBe(good)
    expect(log.lines).toHaveLength(1)
  })

  test('null is garbage to governance, not consent', async () => {
    const { callers } = await callersOf(pluginOf('bad', { governance: (() => null) as never }))
    expect(callers.governance?.(contextOf())).toMatchObject({ code: 'GW_PLUGIN' })
  })

  test('a refusal that is thrown stands as it is; an upstream’s error inside a plugin does not', async () => {
    const refusal = new GatewayError('GW_INVALID_REQUEST', { param: 'messages', reason: 'not right' })
    const upstream = new GatewayError('GW_UPSTREAM_ERROR', { status: 404 })
    const throwing = (error: Error) =>
      pluginOf('a', {
        preRequest() {
          throw error
        },
      })
    const own = (await callersOf(throwing(refusal))).callers
    expect(() => own.preRequest?.(contextOf())).toThrow(refusal)
    const other = (await callersOf(throwing(upstream))).callers
    expect(() => other.preRequest?.(contextOf())).toThrow(expect.objectContaining({ code: 'GW_PLUGIN', cause: upstream }))
  })
})

describe('what handlers are given', () => {
  test('is frozen, so that no plugin changes what another one sees', async () => {
    const vandal = (value: unknown) => {
      Object.assign(value as object, { ok: false, length: 0 })
    }
    const { callers, log } = await callersOf(
      pluginOf('vandal', {
        keySelection: { onError: 'open', handler: (list) => void vandal(list) },
        postHook: (outcome) => void vandal(outcome),
      }),
      pluginOf('deep', {
        postHook(outcome) {
          if (outcome.ok && outcome.response) vandal(outcome.response.choices[0]?.parts[0])
        },
      }),
    )
    expect(callers.keySelection?.(candidates, contextOf())).toHaveLength(2)
    expect(callers.postHook?.(good, contextOf())).toBe(good)
    expect(log.lines.map((line) => line.facts.plugin)).toEqual(['vandal', 'vandal', 'deep'])
  })

  test('a handler that reads the request undeclared is charged for it, one that declares it is not', async () => {
    const charged: string[] = []
    const read = { preRequest: { handler: (ctx: { request: unknown }) => void ctx.request } }
    const { callers } = await callersOf(
      pluginOf('undeclared', read),
      pluginOf('declared', { preRequest: { needs: 'canonical', ...read.preRequest } }),
    )
    const ctx = contextOf()
    ctx.onUndeclaredRead = (plugin) => charged.push(plugin)
    callers.preRequest?.(ctx)
    expect(charged).toEqual(['undeclared'])
    expect(ctx.guardedBy).toBeUndefined()
  })

  test('a handler may edit the request for those after it', async () => {
    const { callers } = await callersOf(
      pluginOf('a', {
        preRequest: { needs: 'canonical', handler: (ctx) => void Object.assign(ctx, { request: { ...ctx.request, model: 'large' } }) },
      }),
    )
    const ctx = contextOf()
    callers.preRequest?.(ctx)
    expect([ctx.request.model, ctx.model, ctx.isEdited]).toEqual(['large', 'large', true])
  })
})

describe('stages', () => {
  const sink = { push() {}, end() {}, refuse() {}, wake() {} }
  const stage = (step: (state: unknown, input: never) => void): StreamStage => ({
    on: 'parts',
    fold: { start: () => ({}), step, end() {} },
  })

  test('given stages stay as they are; an added one’s errors come out stamped and its input frozen', async () => {
    const mine = stage((_, input: object) => void Object.assign(input, { text: 'changed' }))
    const given = stage(() => undefined)
    const { callers } = await callersOf(pluginOf('a', { stream: (stages) => [...stages, mine] }))
    const stages = callers.stream?.([given], contextOf())
    expect(stages?.[0]).toBe(given)
    const added = stages?.[1]?.fold
    const part = { type: 'part-delta', text: 'said' }
    expect(() => added?.step({}, part as never, sink)).toThrow(
      expect.objectContaining({ code: 'GW_PLUGIN', detail: { plugin: 'a', hook: 'stream' } }),
    )
    expect(part.text).toBe('said')
  })

  test('an asynchronous stage’s rejection is stamped', async () => {
    const fold = { start: () => ({}), step: async () => boom(), end() {} }
    const { callers } = await callersOf(pluginOf('a', { stream: (stages) => [...stages, { on: 'parts', async: fold }] }))
    const added = callers.stream?.([], contextOf())?.[0]?.async
    await expect(added?.step({}, {} as never, sink)).rejects.toMatchObject({ code: 'GW_PLUGIN', cause: { message: 'boom' } })
  })

  test('a stage by address is handed on untouched', async () => {
    const byAddress: StreamStage = { on: 'parts', ref: { module: 'a', name: 'fold' } }
    const { callers } = await callersOf(pluginOf('a', { stream: () => [byAddress] }))
    expect(callers.stream?.([], contextOf())?.[0]).toBe(byAddress)
  })
})
