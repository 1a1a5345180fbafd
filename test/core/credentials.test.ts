import { beforeEach, expect, test } from 'vitest'
import { type Credentials, createCredentials } from '../../core/credentials.ts'
import { Deadlines } from '../../core/deadlines.ts'
import { createMint, type Mint, type SignIn } from '../../core/mint.ts'
import type { Authenticator, AuthKind, Credential, SignableRequest } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'
import { answerCredentialRequest, createCredentialCalls } from '../../core/threads/credential-calls.ts'
import { authenticators as real } from '../../providers/auth/index.ts'
import { signWithToken } from '../../providers/auth/minted.ts'
import { type ManualClock, manualClock, turn } from '../helpers/clock.ts'

const HOUR = 3_600_000
const SECRET = 'a-client-secret-of-the-key'
const request = {} as SignableRequest

/** A token server: answers with tokens that live for an hour, unless told otherwise. */
let server: { calls: number; answer: () => Promise<Credential> }
let clock: ManualClock
let mint: Mint
let warnings: object[]
let authenticators: Record<AuthKind, Authenticator>

beforeEach(() => {
  clock = manualClock()
  warnings = []
  server = { calls: 0, answer: () => token(HOUR) }
  const entra: Authenticator = {
    headers: () => [],
    mint: () => () => {
      server.calls++
      return server.answer()
    },
    sign: signWithToken,
  }
  authenticators = { ...real, entra }
  const log = { warn: (facts: object) => void warnings.push(facts) }
  mint = createMint({ authenticators, deadlines: new Deadlines(clock), log, wallClock: clock.now, random: () => 0 })
})

const token = async (lifeMs: number): Promise<Credential> => ({
  values: { token: `token-${server.calls}` },
  expiresAt: clock.now() + lifeMs,
})
const thread = (ask: Mint = mint): Credentials => createCredentials({ authenticators, mint: ask, clock, wallClock: clock.now })
const key = (overrides: object = {}) =>
  ({ id: 'k', name: 'main', value: '', config: { client_secret: SECRET }, ...overrides }) as unknown as KeySettings
const signIn = (of = key()): SignIn => ({
  entry: { auth: 'entra' },
  settings: { name: 'azure', keys: [of] } as unknown as ProviderSettings,
  key: of,
})
const lines = (number: number) => [['authorization', `Bearer token-${number}`]]

/** Lets the clock pass in steps, with time for promises to settle between them. */
async function pass(ms: number, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step++) {
    clock.advance(ms / steps)
    await turn()
  }
}

test('a key that mints nothing is signed in without a promise, and without the mint', () => {
  const plain = { ...signIn(key({ value: 'abc', config: {} })), entry: { auth: 'sigv4' as const } }
  const never: Mint = () => Promise.reject(new Error('asked'))
  expect(thread(never).authorize(plain, request)).toBeUndefined()
  expect(thread(never).authorize({ ...plain, entry: { auth: 'bearer' } }, request)).toBeUndefined()
  expect(thread(never).renew(plain, 0)).toBe(false)
})

test('many requests in two threads cost one call, and later ones none and no promise', async () => {
  const [one, two] = [thread(), thread()]
  const from = signIn()
  const asked = [one, one, two, two].map((credentials) => credentials.authorize(from, request))
  expect(await Promise.all(asked)).toEqual([1, 1, 1, 1].map(lines))
  expect(one.authorize(from, request)).toEqual(lines(1))
  expect(server.calls).toBe(1)
})

test('a token is replaced ahead of its end in every thread, while requests go on at once', async () => {
  const threads = [thread(), thread()]
  const from = signIn()
  await Promise.all(threads.map((credentials) => credentials.authorize(from, request)))
  await pass(0.79 * HOUR)
  expect(server.calls).toBe(1)
  await pass(0.02 * HOUR)
  expect(server.calls).toBe(2)
  for (const credentials of threads) expect(credentials.authorize(from, request)).toEqual(lines(2))
  // Used since: kept up. Then idle for a whole life: let go.
  await pass(0.81 * HOUR)
  expect(server.calls).toBe(3)
  await pass(3 * HOUR, 100)
  expect(server.calls).toBe(3)
})

test('a short token is replaced at four fifths of its life, one of twenty minutes five minutes before its end', async () => {
  server.answer = () => token(100_000)
  expect((await mint(signIn())).refreshAt).toBe(clock.now() + 80_000)
  server.answer = () => token(20 * 60_000)
  expect((await mint(signIn(key({ id: 'other' })))).refreshAt).toBe(clock.now() + 15 * 60_000)
})

test('a token without an end is kept, until the provider refuses it', async () => {
  server.answer = () => token(Number.POSITIVE_INFINITY)
  const credentials = thread()
  await credentials.authorize(signIn(), request)
  await pass(1000 * HOUR)
  expect((await mint(signIn())).credential.values.token).toBe('token-1')
  expect(server.calls).toBe(1)
})

test('while the token server fails, the old token serves to its end; then the key fails, and comes back', async () => {
  const credentials = thread()
  const from = signIn()
  await credentials.authorize(from, request)
  server.answer = () => Promise.reject(new Error(`no luck with ${SECRET}\n  at all`))
  await pass(0.81 * HOUR)
  expect(credentials.authorize(from, request)).toEqual(lines(1))
  expect(await thread().authorize(from, request)).toEqual(lines(1))
  await pass(0.18 * HOUR, 20)
  expect(credentials.authorize(from, request)).toEqual(lines(1))
  await pass(0.02 * HOUR)
  const failure = credentials.authorize(from, request) as Promise<unknown>
  await expect(failure).rejects.toMatchObject({
    code: 'GW_SIGN_IN_FAILED',
    message: 'no credential for provider azure (key main): no luck with [redacted] at all',
  })
  expect(await failure.catch((error: Error) => error.cause)).toBeUndefined()
  expect(JSON.stringify(warnings)).not.toContain(SECRET)
  expect(warnings[0]).toMatchObject({ provider: 'azure', key: 'main', reason: 'no luck with [redacted] at all' })
  server.answer = () => token(HOUR)
  await pass(30_000)
  expect(await credentials.authorize(from, request)).toEqual(lines(server.calls))
})

test('a token server that fails is asked again after pauses that double up to half a minute', async () => {
  server.answer = () => Promise.reject(new Error('down'))
  const callsIn: number[] = []
  for (let second = 0; second < 100; second++) {
    await mint(signIn()).catch(() => {})
    if (server.calls > callsIn.length) callsIn.push(second)
    clock.advance(1000)
  }
  expect(callsIn).toEqual([0, 1, 3, 7, 15, 31, 61, 91])
})

test('a token server that hangs fails its key alone after ten seconds', async () => {
  const hanging = key({ id: 'hangs' })
  server.answer = () => new Promise(() => {})
  const credentials = thread()
  const stuck = credentials.authorize(signIn(hanging), request) as Promise<unknown>
  stuck.catch(() => {})
  server.answer = () => token(HOUR)
  expect(await credentials.authorize(signIn(), request)).toEqual(lines(2))
  clock.advance(10_000)
  await expect(stuck).rejects.toThrow('no answer within 10000 ms')
})

test('a token that has ended when it comes is a failure, not a reason to ask at each request', async () => {
  server.answer = () => token(-1)
  await expect(mint(signIn())).rejects.toThrow('had ended already')
  await expect(mint(signIn())).rejects.toThrow('had ended already')
  expect(server.calls).toBe(1)
})

test('a changed key gets a token of its own, an equal one the same', async () => {
  const credentials = thread()
  await credentials.authorize(signIn(), request)
  expect(await credentials.authorize(signIn(key()), request)).toEqual(lines(1))
  expect(await credentials.authorize(signIn(key({ config: { client_secret: 'changed' } })), request)).toEqual(lines(2))
})

test('a refused token is made anew once, in whatever thread it was refused; a fresh one is not at fault', async () => {
  const [one, two] = [thread(), thread()]
  const from = signIn()
  await Promise.all([one.authorize(from, request), two.authorize(from, request)])
  expect(one.renew(from, clock.now())).toBe(false)
  await pass(40_000)
  const startedAt = clock.now()
  expect([one.renew(from, startedAt), two.renew(from, startedAt)]).toEqual([true, true])
  await pass(10)
  expect(await one.authorize(from, request)).toEqual(lines(2))
  expect(await two.authorize(from, request)).toEqual(lines(2))
  expect(server.calls).toBe(2)
  // One that was on its way with the old token goes again with the new one.
  expect(one.renew(from, startedAt)).toBe(true)
  expect(one.renew(from, clock.now())).toBe(false)
})

test('a refused token goes on serving where there is no other', async () => {
  const credentials = thread()
  await credentials.authorize(signIn(), request)
  const from = signIn(key())
  await credentials.authorize(from, request)
  await pass(40_000)
  server.answer = () => Promise.reject(new Error('down'))
  expect(credentials.renew(from, clock.now())).toBe(true)
  expect(await credentials.authorize(from, request)).toEqual(lines(1))
})

test('data threads ask the main thread by messages, in which no secret of the key goes', async () => {
  const of = key()
  const tables = { providers: new Map([['azure', signIn(of).settings]]) } as never
  const posted: unknown[] = []
  const calls = createCredentialCalls((asked) => {
    posted.push(asked)
    void answerCredentialRequest(tables, mint, structuredClone(asked)).then((reply) => calls.settle(structuredClone(reply)))
  })
  expect(await thread(calls.mint).authorize(signIn(of), request)).toEqual(lines(1))
  expect(JSON.stringify(posted)).not.toContain(SECRET)
  await expect(calls.mint(signIn(key({ id: 'gone' })))).rejects.toThrow('the key is no longer configured')
  server.answer = () => Promise.reject(new Error('down'))
  await pass(2 * HOUR)
  await expect(calls.mint(signIn(of))).rejects.toMatchObject({ code: 'GW_SIGN_IN_FAILED', detail: { key: 'main', reason: 'down' } })
})
