import type { LookupAddress } from 'node:dns'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { loadConfig } from '../../../core/config/load.ts'
import type { LookupAll } from '../../../core/upstream/dns.ts'
import { isMetadataAddress, isMetadataHost } from '../../../core/upstream/metadata.ts'
import type { Target } from '../../../core/upstream/types.ts'
import { builtins } from '../config/builtins.ts'
import { answerOf, createUpstreamClient, rawServer, run, targetOf } from './support.ts'

/** What no URL may lead to without the operator's word (faults.md 3.3), in every spelling that reaches the same place. */
const METADATA = [
  'http://169.254.169.254',
  'http://169.254.170.2/v2',
  'http://2852039166/latest',
  'http://0xa9fea9fe/',
  'http://0xa9.0xfe.0xa9.0xfe',
  'http://0251.0376.0251.0376',
  'http://169.254.43518',
  'http://169.16689662',
  'http://①⑥⑨.②⑤④.①⑥⑨.②⑤④',
  'http://[::ffff:169.254.169.254]:80/x',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::a9fe:a9fe]',
  'http://[2002:a9fe:a9fe::1]',
  'http://[::a9fe:a9fe]',
  'http://[fe80::a9fe:a9fe]',
  'http://[fd00:ec2::254]',
  'http://[fd00:ec2:0:0:0:0:0:23]',
  'http://[fd20:ce::254]',
  'http://100.100.100.200',
  'http://168.63.129.16',
  'http://metadata.google.internal',
  'http://METADATA.google.internal./computeMetadata/v1',
  'http://metadata',
  'http://instance-data',
]

/** Where self-hosted models are, and what only looks alike. */
const GOOD = [
  'http://127.0.0.1:11434',
  'http://2130706433',
  'http://10.1.2.3',
  'http://192.168.0.5:8000',
  'http://172.16.0.1',
  'http://100.64.0.1',
  'http://[::1]',
  'http://[fd00::1]',
  'http://[fe80::1]',
  'http://localhost.',
  'https://api.openai.com',
  'https://metadata.example.com',
  'https://169.254.169.254.example.com',
  'http://127.0.0.1#@169.254.169.254',
]

const load = (block: JsonObject) =>
  loadConfig({ config: { providers: { openai: { keys: [{ name: 'k', value: 'v' }], ...block } } }, env: {}, builtins })

describe('a URL in the configuration', () => {
  test.each(METADATA)('%s is refused', (base_url) => {
    expect(isMetadataHost(new URL(base_url).hostname)).toBe(true)
    expect(load({ network_config: { base_url } }).problems).toEqual([
      "providers.openai.network_config.base_url: leads to a cloud's metadata service; if that is meant, set network_config.allow_metadata_addresses",
    ])
  })

  test.each(GOOD)('%s is none of them', (url) => {
    expect(isMetadataHost(new URL(url).hostname)).toBe(false)
  })

  test('may be private, and may be a metadata service where the operator says so', () => {
    expect(load({ network_config: { base_url: 'http://10.1.2.3' } }).problems).toEqual([])
    const { problems, tables } = load({ network_config: { base_url: METADATA[0] as string, allow_metadata_addresses: true } })
    expect(problems).toEqual([])
    expect(tables?.providers.get('openai')?.network.allowsMetadata).toBe(true)
  })

  test.each<[string, JsonObject]>([
    ['proxy_config.url', { proxy_config: { type: 'http', url: 'http://169.254.169.254:3128' } }],
    ['proxy_config.url', { proxy_config: { type: 'socks5', url: 'socks5://169.254.169.254' } }],
  ])('stands in %s', (path, block) => {
    expect(load(block).problems[0]).toMatch(new RegExp(`^providers.openai.${path}: leads to`))
  })

  test('stands in a key, and in a path that is a whole URL', () => {
    const ollama = { keys: [{ name: 'o', models: ['*'], ollama_key_config: { url: 'http://[::ffff:169.254.169.254]:11434' } }] }
    const custom = {
      custom_provider_config: { base_provider_type: 'openai', request_path_overrides: { chat_completion: 'http://169.254.169.254/chat' } },
      network_config: { base_url: 'https://llm.example.com' },
      keys: [{ name: 'c', value: 'v' }],
    }
    const { problems } = loadConfig({ config: { providers: { ollama, mine: custom } }, env: {}, builtins })
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'providers.ollama.keys[0].ollama_key_config.url',
      'providers.mine.custom_provider_config.request_path_overrides.chat_completion',
    ])
  })
})

test.each(['169.254.169.254', '::ffff:169.254.169.254', 'fe80::a9fe:a9fe%eth0', '64:ff9b::a9fe:a9fe'])(
  '%s is a metadata address',
  (address) => {
    expect(isMetadataAddress(address)).toBe(true)
  },
)

describe('a connection', () => {
  const refused = "the address is a cloud's metadata service (network_config.allow_metadata_addresses)"
  const answering =
    (...addresses: LookupAddress[]): LookupAll =>
    (_, callback) =>
      callback(null, addresses)
  const client = (lookupAll: LookupAll) => {
    const made = createUpstreamClient({ lookupAll })
    onTestFinished(() => made.close())
    return made
  }
  const faultOf = async (target: Target, lookupAll: LookupAll = () => expect.fail('no name to look up')) =>
    (await run(client(lookupAll), target).done).fault

  test('is refused where a name has become such an address, also when it is one of several', async () => {
    const target = targetOf(1, { hostname: 'innocent.test' })
    for (const addresses of [
      [{ address: '169.254.169.254', family: 4 }],
      [{ address: '::ffff:169.254.169.254', family: 6 }],
      [
        { address: '127.0.0.1', family: 4 },
        { address: 'fd00:ec2::254', family: 6 },
      ],
    ])
      expect(await faultOf(target, answering(...addresses))).toMatchObject({ kind: 'connect', message: refused })
  })

  test('is refused to an address that is written out, directly and through a proxy, and to a proxy there', async () => {
    const proxy = (url: string) => ({ proxy: { type: 'http' as const, url: new URL(url) } })
    for (const target of [
      targetOf(80, { hostname: '169.254.169.254' }),
      targetOf(80, { hostname: 'metadata.google.internal' }),
      targetOf(80, { hostname: '169.254.169.254', ...proxy('http://127.0.0.1:9') }),
      targetOf(80, { hostname: 'api.test', ...proxy('http://169.254.169.254:3128') }),
    ])
      expect(await faultOf(target)).toMatchObject({ kind: 'connect', message: refused })
  })

  test('a name that was good when it was looked up first, and is not the next time, is refused then', async () => {
    const server = await rawServer((seen) => void seen.socket.end(answerOf('{}')))
    onTestFinished(() => server.close())
    let now = 0
    let address = '127.0.0.1'
    const made = createUpstreamClient({ lookupAll: (_, callback) => callback(null, [{ address, family: 4 }]), now: () => now })
    onTestFinished(() => made.close())
    const target = targetOf(server.port, { hostname: 'rebinding.test' })
    expect((await run(made, target).done).fault).toBeUndefined()
    address = '169.254.169.254'
    now = 3_600_000
    expect((await run(made, target).done).fault).toMatchObject({ message: refused })
  })

  test('is made where the operator allows it: the system then says that nobody is there', async () => {
    const target = targetOf(9, { hostname: 'innocent.test', allowsMetadata: true, connectTimeoutMs: 50 })
    const fault = await faultOf(target, answering({ address: '169.254.169.254', family: 4 }))
    expect(fault?.message).not.toBe(refused)
  })
})
