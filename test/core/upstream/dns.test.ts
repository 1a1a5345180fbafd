import { describe, expect, it } from 'vitest'
import { type AddressesCallback, Resolver } from '../../../core/upstream/dns.ts'

const one = [{ address: '10.0.0.1', family: 4 }]
const two = [
  { address: '10.0.0.2', family: 4 },
  { address: 'fd00::2', family: 6 },
]
const failure = Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })

function setUp() {
  let now = 0
  const asked: { name: string; answer: AddressesCallback }[] = []
  const resolver = new Resolver(
    () => now,
    (name, answer) => void asked.push({ name, answer }),
  )
  const heard: unknown[] = []
  const ask = (name: string) => resolver.resolve(name, (error, addresses) => void heard.push(error ?? addresses))
  const advance = (ms: number) => {
    now += ms
  }
  return { asked, heard, ask, resolver, advance }
}

describe('names', () => {
  it('are looked up once for all who ask meanwhile, and kept for 30 s', () => {
    const { asked, heard, ask, advance } = setUp()
    ask('a')
    ask('a')
    expect(asked).toHaveLength(1)
    asked[0]?.answer(null, one)
    ask('a')
    advance(29_999)
    ask('a')
    expect(heard).toEqual([one, one, one, one])
    advance(1)
    ask('a')
    expect(asked).toHaveLength(2)
    asked[1]?.answer(null, two)
    expect(heard.at(-1)).toBe(two)
  })

  it('keep their last addresses when a later look-up fails or finds nothing', () => {
    const { asked, heard, ask, advance } = setUp()
    ask('a')
    asked[0]?.answer(null, one)
    for (const answer of [() => asked.at(-1)?.answer(failure, []), () => asked.at(-1)?.answer(null, [])]) {
      advance(30_000)
      ask('a')
      answer()
      expect(heard.at(-1)).toBe(one)
    }
  })

  it('that were never known fail, and are asked for again', () => {
    const { asked, heard, ask } = setUp()
    ask('a')
    asked[0]?.answer(failure, [])
    expect(heard).toEqual([failure])
    ask('a')
    asked[1]?.answer(null, [])
    expect(heard[1]).toMatchObject({ code: 'ENOTFOUND' })
    expect(asked).toHaveLength(2)
  })

  it('are looked up eight at once; the rest wait in order, and a known name does not wait', () => {
    const { asked, heard, ask, advance } = setUp()
    ask('known')
    asked[0]?.answer(null, one)
    advance(30_000)
    for (let index = 0; index < 20; index++) ask(`bad${index}`)
    expect(asked).toHaveLength(9)
    ask('known')
    expect(heard).toEqual([one, one])
    asked[3]?.answer(failure, [])
    expect(asked.at(-1)?.name).toBe('bad8')
    for (let index = 1; index < asked.length; index++) if (index !== 3) asked[index]?.answer(failure, [])
    expect(asked).toHaveLength(21)
    expect(heard).toHaveLength(22)
  })

  it('answer in the shape that sockets ask for', () => {
    const { asked, resolver } = setUp()
    const heard: unknown[] = []
    const hear = (...parts: unknown[]) => void heard.push(parts)
    resolver.lookup('a', { all: true }, hear)
    asked[0]?.answer(null, two)
    resolver.lookup('a', {}, hear)
    resolver.lookup('a', { family: 6 }, hear)
    resolver.lookup('a', { family: 6, all: true }, hear)
    expect(heard).toEqual([
      [null, two],
      [null, '10.0.0.2', 4],
      [null, 'fd00::2', 6],
      [null, [two[1]]],
    ])
  })

  it('come from the system by default', async () => {
    const resolver = new Resolver(() => 0)
    const { promise, resolve } = Promise.withResolvers<unknown>()
    resolver.resolve('localhost', (error, addresses) => resolve(error ?? addresses.map((entry) => entry.address)))
    expect(await promise).toContain('127.0.0.1')
  })
})
