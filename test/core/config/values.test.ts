import { expect, test } from 'vitest'
import { durationMs, upstreamUrl } from '../../../core/config/values.ts'

test.each([
  [500, 500],
  ['500', 500],
  ['500ms', 500],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['2h', 7_200_000],
  ['1500us', 2],
  ['', Number.NaN],
  ['5 s', Number.NaN],
  ['s', Number.NaN],
  ['-1s', Number.NaN],
  [true, Number.NaN],
])('%j is %d ms', (value, expected) => {
  expect(durationMs(value)).toBe(expected)
})

test.each(['http://x', 'https://x:1/p', 'unix:///run/a.sock'])('%s is a place to go to', (url) => {
  expect(upstreamUrl().safeParse(url).success).toBe(true)
})

test.each(['x', 'x.example/v1', 'unix:', 'unix://host/a.sock', 'unix:///', 'file:///etc', 'https://a@x', 'https://x?q', 'https://x#f'])(
  '%s is none',
  (url) => {
    expect(upstreamUrl().safeParse(url).success).toBe(false)
  },
)
