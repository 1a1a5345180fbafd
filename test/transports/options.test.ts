import { describe, expect, it } from 'vitest'
import { parseServeOptions } from '../../transports/options.ts'

describe('flags of serve', () => {
  it('have defaults', () => {
    expect(parseServeOptions([], {}).options).toEqual({
      config: undefined,
      hosts: ['localhost'],
      port: 8080,
      threads: undefined,
      appDir: undefined,
      logLevel: 'info',
      logStyle: 'json',
    })
  })

  it('are taken with one dash and with two, and the last one wins', () => {
    const args = [
      '-port',
      '1',
      '-port=9000',
      '--host',
      '::1',
      '-app-dir',
      '/data',
      '-log-level',
      'warn',
      '-log-style',
      'pretty',
      '--threads',
      '2',
    ]
    const { options } = parseServeOptions(args, {})
    expect(options).toMatchObject({ port: 9000, hosts: ['::1'], appDir: '/data', logLevel: 'warn', logStyle: 'pretty', threads: 2 })
  })

  it('--host may come more than once, and each place counts once', () => {
    const hosts = (args: string[], env = {}) => parseServeOptions(args, env).options?.hosts
    expect(hosts(['--host', '::1', '-host=unix:/run/a', '--host', '::1'])).toEqual(['::1', 'unix:/run/a'])
    expect(hosts([], { BIFROST_HOST: '127.0.0.1, unix:/run/a' })).toEqual(['127.0.0.1', 'unix:/run/a'])
  })

  it('win over the environment', () => {
    const env = { BIFROST_HOST: '0.0.0.0', LOG_LEVEL: 'debug' }
    expect(parseServeOptions([], env).options).toMatchObject({ hosts: ['0.0.0.0'], logLevel: 'debug' })
    expect(parseServeOptions(['--host', 'a', '--log-level', 'error'], env).options).toMatchObject({ hosts: ['a'], logLevel: 'error' })
  })

  it.each([
    [['--bogus']],
    [['extra']],
    [['--port']],
    [['--port', '70000']],
    [['--port', '-1']],
    [['--threads', '0']],
    [['--threads', 'many']],
    [['--host', 'a', '--host', '']],
    [['--host', 'unix:']],
    [['--log-level', 'loud']],
    [['--log-style', 'xml']],
  ])('%j is refused with a sentence', (args) => {
    const { options, problems } = parseServeOptions(args, {})
    expect(options).toBeUndefined()
    expect(problems).toHaveLength(1)
  })
})
