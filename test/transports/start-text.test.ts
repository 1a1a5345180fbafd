import { describe, expect, it } from 'vitest'
import { baseUrl, startText } from '../../transports/start-text.ts'

const facts = {
  version: '1.2.3',
  pid: 7,
  threads: 1,
  urls: ['http://localhost:8080'],
  phases: { boot: 100.4, total: 150 },
  keyVariables: [],
}

describe('the start-up text', () => {
  it('says where it listens, how long each phase took, and one curl', () => {
    const text = startText(facts)
    expect(text).toContain('listening on http://localhost:8080')
    expect(text).toContain('ready in 150 ms: boot 100 ms')
    expect(text).toContain('curl http://localhost:8080/v1/chat/completions')
    expect(text).toContain('demo/hello')
    expect(text).not.toContain('No provider')
  })

  it('names every place, and what is served elsewhere', () => {
    const urls = [baseUrl('::1', 1, true), baseUrl('unix:/run/a', 1, true)]
    const text = startText({ ...facts, urls, others: { admin: ['http://localhost:2'] } })
    expect(text).toContain('listening on https://[::1]:1, unix:/run/a\nadmin on http://localhost:2\n')
    expect(text).toContain('curl https://[::1]:1/v1')
  })

  it('says what to set where nothing is configured', () => {
    expect(startText({ ...facts, keyVariables: ['A_KEY', 'B_KEY'] })).toContain('Set A_KEY or B_KEY, or give it a file')
  })

  it('gives a curl that a client on this machine can use', () => {
    expect(startText({ ...facts, urls: [baseUrl('0.0.0.0', 1)] })).toContain('curl http://localhost:1/')
    expect(startText({ ...facts, urls: [baseUrl('::', 1)] })).toContain('curl http://localhost:1/')
    expect(startText({ ...facts, urls: [baseUrl('unix:/run/a', 0)] })).toContain('curl --unix-socket /run/a http://localhost/v1')
    expect(baseUrl('::1', 1)).toBe('http://[::1]:1')
  })
})
