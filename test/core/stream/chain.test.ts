import { describe, expect, test } from 'vitest'
import type { AsyncFold, Fold } from '../../../core/fold.ts'
import { type BoundStage, Chain } from '../../../core/stream/chain.ts'

/** What happened, in order. */
type Log = string[]

interface Probe {
  chain: Chain<string, string>
  log: Log
  /** Settles when the sink was told that it is over. */
  over: Promise<void>
}

function probe(stages: (log: Log) => readonly BoundStage[]): Probe {
  const log: Log = []
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const chain = new Chain<string, string>(stages(log), {
    push: (value) => void log.push(`out ${value}`),
    end(reason) {
      log.push(`end${reason === undefined ? '' : ` ${reason}`}`)
      resolve()
    },
    refuse(error) {
      log.push(`refused ${error.message}`)
      resolve()
    },
    wake: (at) => void log.push(`wake ${at}`),
    onBusy: (isBusy) => void log.push(isBusy ? 'pause' : 'resume'),
    explain: (error) => (error.message.startsWith('explained ') ? error : new Error(`explained ${error.message}`)),
  })
  return { chain, log, over }
}

/** Passes on what it gets with its name; does what its input says: `end@b`, `refuse@b`, `throw@b`. */
function stage(name: string, log: Log, more: Partial<Fold<string, string, { count: number }>> = {}): BoundStage {
  const fold: Fold<string, string, { count: number }> = {
    start: () => ({ count: 0 }),
    step(state, input, out) {
      state.count++
      if (input === `end@${name}`) out.end(`by ${name}`)
      else if (input === `refuse@${name}`) out.refuse(new Error(`by ${name}`))
      else if (input === `throw@${name}`) throw new Error(`by ${name}`)
      else out.push(input.includes('@') ? input : `${input}${name}`)
    },
    end: (state, out, error) => {
      log.push(`${name} ends after ${state.count}${error ? ` with ${error.message}` : ''}`)
      out.push(`last of ${name} `)
    },
    ...more,
  }
  return { fold: fold as Fold<unknown, unknown> }
}

/** The same, waiting for a turn of the loop at each value. */
function slowStage(name: string, log: Log): BoundStage {
  const plain = stage(name, log).fold as Fold<unknown, unknown>
  const fold: AsyncFold<unknown, unknown> = {
    start: () => plain.start(),
    async step(state, input, out) {
      await new Promise(setImmediate)
      plain.step(state, input, out)
    },
    async end(state, out, error) {
      await new Promise(setImmediate)
      plain.end(state, out, error)
    },
  }
  return { async: fold }
}

const three = (log: Log): BoundStage[] => ['a', 'b', 'c'].map((name) => stage(name, log))

describe('synchronous stages', () => {
  test('values go through all, and each stage ends once, in order, before the sink', () => {
    const { chain, log } = probe(three)
    chain.push('1')
    chain.push('2')
    chain.finish()
    expect(log).toEqual([
      'out 1abc',
      'out 2abc',
      'a ends after 2',
      'out last of a bc',
      'b ends after 3',
      'out last of b c',
      'c ends after 4',
      'out last of c ',
      'end',
    ])
    expect(chain.isClosed).toBe(true)
  })

  test.each([
    { at: 'a', ends: ['b ends after 0', 'out last of b c', 'c ends after 1', 'out last of c '] },
    { at: 'b', ends: ['c ends after 0', 'out last of c '] },
    { at: 'c', ends: [] },
  ])('a stage that ends ($at) closes those before it, the later ones end, the sink hears why', ({ at, ends }) => {
    const { chain, log } = probe(three)
    chain.push(`end@${at}`)
    chain.push('late')
    chain.finish()
    chain.finish(new Error('later still'))
    expect(log).toEqual([...ends, `end by ${at}`])
  })

  test.each(['refuse', 'throw'].flatMap((way) => ['a', 'b', 'c'].map((at) => ({ way, at }))))(
    'a stage that says no ($way at $at): later stages end with the explained error, which the sink gets',
    ({ way, at }) => {
      const { chain, log } = probe(three)
      chain.push('1')
      chain.push(`${way}@${at}`)
      chain.push('late')
      chain.finish()
      const later = ['a', 'b', 'c'].filter((name) => name > at)
      expect(log.filter((line) => line.includes('ends'))).toEqual(
        later.map((name, index) => `${name} ends after ${index === 0 ? 1 : 2} with explained by ${at}`),
      )
      expect(log.at(-1)).toBe(`refused explained by ${at}`)
      expect(log.filter((line) => line.includes('late'))).toEqual([])
    },
  )

  test('a source that fails ends every stage with the explained error', () => {
    const { chain, log } = probe(three)
    chain.push('1')
    chain.finish(new Error('lost'))
    expect(log.filter((line) => line.includes('ends'))).toEqual([
      'a ends after 1 with explained lost',
      'b ends after 2 with explained lost',
      'c ends after 3 with explained lost',
    ])
    expect(log.at(-1)).toBe('refused explained lost')
  })

  test.each(['refuses', 'throws'])('a stage that %s while it ends replaces a clean end, for the stages after it too', (way) => {
    const end: Fold<string, string>['end'] = (_, out) => {
      if (way === 'throws') throw new Error('too late')
      out.refuse(new Error('too late'))
    }
    const { chain, log } = probe((lines) => [stage('a', lines, { end }), stage('b', lines)])
    chain.finish()
    expect(log).toEqual(['b ends after 0 with explained too late', 'out last of b ', 'refused explained too late'])
  })

  test('the first error is the one that counts', () => {
    const end: Fold<string, string>['end'] = () => {
      throw new Error('second')
    }
    const { chain, log } = probe((lines) => [stage('a', lines), stage('b', lines, { end })])
    chain.finish(new Error('first'))
    expect(log.at(-1)).toBe('refused explained first')
  })

  test('the sink is told once, also by a stage that ends from within its end', () => {
    const end: Fold<string, string>['end'] = (_, out) => out.end('again')
    const { chain, log } = probe((lines) => [stage('a', lines, { end })])
    chain.finish()
    expect(log).toEqual(['end'])
  })

  test('the stages behind one that goes on pushing after its end hear nothing', () => {
    const step: Fold<string, string>['step'] = (_, input, out) => {
      out.push(input)
      out.end()
      out.push('more')
      out.refuse(new Error('more'))
    }
    const { chain, log } = probe((lines) => [stage('a', lines, { step: step as never }), stage('b', lines)])
    chain.push('1')
    expect(log).toEqual(['out 1b', 'b ends after 1', 'out last of b ', 'end'])
  })

  test('ticks reach open stages, and what a stage throws in one is its refusal', () => {
    const tick: Fold<string, string, { count: number }>['tick'] = (state, now, out) => {
      if (now > 1) throw new Error('tick')
      out.push(`tick ${now} after ${state.count} `)
    }
    const { chain, log } = probe((lines) => [stage('a', lines), stage('b', lines, { tick }), stage('c', lines)])
    chain.push('1')
    chain.tick(1)
    chain.tick(2)
    chain.tick(1)
    expect(log).toEqual([
      'out 1abc',
      'out tick 1 after 1 c',
      'c ends after 2 with explained tick',
      'out last of c ',
      'refused explained tick',
    ])
  })

  test('states may be cloned between any two values', () => {
    const { chain, log } = probe(three)
    for (const value of ['1', '2', '3']) {
      chain.push(value)
      chain.states = structuredClone(chain.states)
    }
    chain.finish()
    expect(log.filter((line) => line.includes('ends'))).toEqual(['a ends after 3', 'b ends after 4', 'c ends after 5'])
  })

  test('without stages it is a pipe', () => {
    const { chain, log } = probe(() => [])
    chain.push('1')
    chain.finish()
    expect(log).toEqual(['out 1', 'end'])
  })
})

describe('asynchronous stages', () => {
  const mixed = (log: Log): BoundStage[] => [stage('a', log), slowStage('b', log), stage('c', log)]

  test('keep the order, and the source is paused while they wait', async () => {
    const { chain, log, over } = probe(mixed)
    for (const value of ['1', '2', '3']) chain.push(value)
    chain.finish()
    await over
    expect(log.filter((line) => line.startsWith('out') || line.startsWith('end'))).toEqual([
      'out 1abc',
      'out 2abc',
      'out 3abc',
      'out last of a bc',
      'out last of b c',
      'out last of c ',
      'end',
    ])
    expect(log.filter((line) => line.includes(' ends'))).toEqual(['a ends after 3', 'b ends after 4', 'c ends after 5'])
    const busy = log.filter((line) => line === 'pause' || line === 'resume')
    expect(busy[0]).toBe('pause')
    expect(busy.filter((line) => line === 'pause').length).toBe(busy.filter((line) => line === 'resume').length)
  })

  test('two of them in a row', async () => {
    const { chain, log, over } = probe((lines) => [slowStage('a', lines), slowStage('b', lines), stage('c', lines)])
    chain.push('1')
    chain.push('2')
    chain.finish()
    await over
    expect(log.filter((line) => line.startsWith('out') || line.startsWith('end') || line.includes('ends'))).toEqual([
      'out 1abc',
      'out 2abc',
      'a ends after 2',
      'out last of a bc',
      'b ends after 3',
      'out last of b c',
      'c ends after 4',
      'out last of c ',
      'end',
    ])
  })

  test.each(['refuse', 'throw'])('one that says no (%s) drops what waits behind it', async (way) => {
    const { chain, log, over } = probe(mixed)
    for (const value of ['1', `${way}@b`, '2', '3']) chain.push(value)
    chain.finish()
    await over
    expect(log.filter((line) => line.startsWith('out'))).toEqual(['out 1abc', 'out last of c '])
    expect(log.filter((line) => line.includes('c ends'))).toEqual(['c ends after 1 with explained by b'])
    expect(log.at(-1)).toBe('refused explained by b')
    expect(log.filter((line) => line.startsWith('refused'))).toHaveLength(1)
  })

  test('one that closed itself hears nothing more, neither values nor its end', async () => {
    const heard: unknown[] = []
    const fold: AsyncFold<unknown, unknown> = {
      start: () => null,
      async step(_, input, out) {
        await new Promise(setImmediate)
        heard.push(input)
        if (input === '2') out.refuse(new Error('enough'))
      },
      end: () => void heard.push('its end'),
    }
    const { chain, over } = probe(() => [{ async: fold }])
    for (const value of ['1', '2', '3']) chain.push(value)
    chain.finish()
    await over
    await new Promise(setImmediate)
    expect(heard).toEqual(['1', '2'])
  })

  test('one that ends early ends the stream cleanly', async () => {
    const { chain, log, over } = probe(mixed)
    for (const value of ['1', 'end@b', '2']) chain.push(value)
    await over
    expect(log.filter((line) => line.startsWith('out'))).toEqual(['out 1abc', 'out last of c '])
    expect(log.filter((line) => line.startsWith('end'))).toEqual(['end by b'])
  })

  test('a stage before one that waits refuses: the waiting values still go out, then the error', async () => {
    const { chain, log, over } = probe(mixed)
    chain.push('1')
    chain.push('refuse@a')
    await over
    expect(log.filter((line) => line.startsWith('out'))[0]).toBe('out 1abc')
    expect(log.filter((line) => line.includes('ends'))).toEqual([
      'b ends after 1 with explained by a',
      'c ends after 2 with explained by a',
    ])
    expect(log.at(-1)).toMatch(/refused explained by a|resume/)
  })

  test('a source that fails while one waits', async () => {
    const { chain, log, over } = probe(mixed)
    chain.push('1')
    chain.finish(new Error('lost'))
    await over
    expect(log.filter((line) => line.includes('ends'))).toEqual([
      'a ends after 1 with explained lost',
      'b ends after 2 with explained lost',
      'c ends after 3 with explained lost',
    ])
    expect(log.filter((line) => line.startsWith('refused'))).toEqual(['refused explained lost'])
  })
})
