import { describe, expect, it } from 'vitest'
import type { ChatRequest } from '../../../../core/canonical/chat.ts'
import type { Drop } from '../../../../core/format.ts'
import { sourceFromUrl, toDataUrl } from '../../../../providers/formats/shared/data-url.ts'
import { lostHints } from '../../../../providers/formats/shared/drops.ts'
import { unifyStop } from '../../../../providers/formats/shared/stop-reason.ts'
import { parseArguments } from '../../../../providers/formats/shared/tool-arguments.ts'

describe('data URLs', () => {
  it.each<[string, unknown]>([
    ['https://e.com/a.png', { kind: 'url', url: 'https://e.com/a.png' }],
    ['data:image/png;base64,AAAA', { kind: 'data', mediaType: 'image/png', data: 'AAAA' }],
    ['DATA:image/png;BASE64,AAAA', { kind: 'data', mediaType: 'image/png', data: 'AAAA' }],
    ['data:text/plain,a%20b', { kind: 'data', mediaType: 'text/plain', data: Buffer.from('a b').toString('base64') }],
    ['data:;base64,AAAA', { kind: 'data', mediaType: 'text/plain', data: 'AAAA' }],
    ['data:text/plain,%', undefined],
    ['data:nonsense', undefined],
  ])('%s', (url, source) => expect(sourceFromUrl(url)).toEqual(source))

  it('are written from bytes', () => expect(toDataUrl('image/png', 'AAAA')).toBe('data:image/png;base64,AAAA'))
})

describe('tool arguments', () => {
  it.each<[string, unknown]>([
    ['{"a":1}', { a: 1 }],
    ['', {}],
    ['  ', {}],
    ['[1]', undefined],
    ['{"a"', undefined],
  ])('%j', (text, value) => expect(parseArguments(text)).toEqual(value))
})

describe('stop reasons', () => {
  it('keep words that are not in the table, also those of Object', () => {
    expect(unifyStop('end', { end: 'stop' })).toEqual({ reason: 'stop', raw: 'end' })
    expect(unifyStop('constructor', { end: 'stop' })).toEqual({ reason: 'other', raw: 'constructor' })
    expect(unifyStop(undefined, { end: 'stop' })).toEqual({ reason: 'other' })
  })
})

describe('D13: what is lost', () => {
  const request: ChatRequest = { model: 'm', messages: [], stream: false, seed: 1, choices: 2 }
  const hint: Drop = { field: 'seed', param: 'seed', kind: 'hint' }
  const meaning: Drop = { field: 'choices', param: 'n', kind: 'meaning', when: ({ choices }) => choices !== 1 }

  it('is listed where it is a hint', () => {
    expect(lostHints(request, [hint, { field: 'topK', param: 'top_k', kind: 'hint' }])).toEqual(['seed'])
  })

  it('is refused where it changes the meaning, unless it may be dropped', () => {
    expect(() => lostHints(request, [hint, meaning], { provider: 'p' })).toThrow(/^n cannot be sent to provider p/)
    expect(lostHints(request, [hint, meaning], { dropUnsupported: true })).toEqual(['seed', 'n'])
    expect(lostHints({ ...request, choices: 1 }, [meaning])).toEqual([])
  })
})
