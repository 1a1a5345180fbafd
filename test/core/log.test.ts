import { expect, test } from 'vitest'
import { createLog, type LogOptions } from '../../core/log.ts'
import { createRedactor } from '../../core/redact.ts'

const SECRET = 'a-secret-"quoted"-value/1'

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const redactor = createRedactor([SECRET])
  const log = createLog({ redactor, destination: { write: (line: string) => lines.push(line) }, ...options })
  return { log, lines, redactor, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> }
}

test('a line is JSON with time, level and message', () => {
  const { log, last } = capture()
  log.info({ model: 'm' }, 'served')
  expect(last()).toEqual({ time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'info', model: 'm', msg: 'served' })
})

test('lines below the level are not written', () => {
  const { log, lines } = capture({ level: 'warn' })
  log.info('no')
  expect(lines).toEqual([])
})

test('credentials are masked by name, at any depth, in objects and header lists', () => {
  const { log, lines, last } = capture()
  log.info({
    headers: { Authorization: 'x', 'X-Api-Key': 'y', accept: 'json' },
    list: [
      ['x-goog-api-key', 'z'],
      ['accept', 'json'],
    ],
    deep: { provider: { keys: [{ name: 'k', value: 'v', api_key: 'w' }] } },
    proxy: { password: 'p', url: 'http://proxy' },
  })
  expect(last()).toMatchObject({
    headers: { Authorization: '[redacted]', 'X-Api-Key': '[redacted]', accept: 'json' },
    list: [
      ['x-goog-api-key', '[redacted]'],
      ['accept', 'json'],
    ],
    deep: { provider: { keys: [{ name: 'k', value: '[redacted]', api_key: '[redacted]' }] } },
    proxy: { password: '[redacted]', url: 'http://proxy' },
  })
  expect(lines.join()).not.toMatch(/"[vwxyzp]"/)
})

test('known secrets are masked by value: in messages, fields, children, errors, and in escaped forms', () => {
  const { log, lines } = capture()
  log.info(`message ${SECRET}`)
  log.info({ text: `field ${SECRET}` })
  log.info({ url: `http://x/?q=${encodeURIComponent(SECRET)}` })
  log.child({ bound: SECRET }).info('child')
  const cause = new Error(`cause ${SECRET}`)
  log.error(Object.assign(new Error(`error ${SECRET}`, { cause }), { detail: { headers: { cookie: 'c-value' } } }), 'failed')
  expect(lines).toHaveLength(5)
  for (const line of lines) {
    expect(line).not.toContain('a-secret')
    expect(line).toContain('[redacted]')
  }
  expect(lines[4]).not.toContain('c-value')
})

test('a secret that is added later is masked from then on', () => {
  const { log, lines, redactor } = capture()
  redactor.add('rotated-key-value')
  log.info('now rotated-key-value')
  expect(lines[0]).not.toContain('rotated-key-value')
})

test('a longer secret that holds a shorter one is masked whole', () => {
  const redactor = createRedactor(['abcdefgh', 'abcdefgh-ijkl'])
  expect(redactor.mask('x abcdefgh-ijkl y')).toBe('x [redacted] y')
})

test('short words are no secrets', () => {
  const redactor = createRedactor(['json', ''])
  expect(redactor.mask('{"a":"json"}')).toBe('{"a":"json"}')
})

test.each([
  ['Incorrect API key provided: sk-proj-abcdefghijkl', 'Incorrect API key provided: [redacted]'],
  ['authorization: Bearer abcdefghijkl', 'authorization: Bearer [redacted]'],
])('what looks like a credential is masked: %s', (text, expected) => {
  expect(createRedactor().mask(text)).toBe(expected)
})

test('the pretty style is for people, and holds no secret either', () => {
  const { log, lines } = capture({ style: 'pretty' })
  log.warn({ provider: 'demo', text: `has ${SECRET}`, ms: 3 }, 'slow')
  log.error({ err: new Error(`broken ${SECRET}`) }, 'failed')
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}slow provider=demo text="has \[redacted\]" ms=3\n$/)
  expect(lines[1]).toMatch(/ERROR failed\n {4}Error: broken \[redacted\]\n {8}at /)
})

test('cycles and odd values do not break a line', () => {
  const { log, lines } = capture()
  const cycle: Record<string, unknown> = { name: 'c' }
  cycle.self = cycle
  log.info({ cycle, map: new Map([['token', 'tok']]), bytes: new Uint8Array(3), at: new Date(0), big: 1n })
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain('"tok"')
})
