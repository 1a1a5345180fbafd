import { describe, expect, it } from 'vitest'
import { type FaultBench, faultBench, WAYS, type Way } from '../helpers/faults.ts'
import { MODEL_NAMES } from '../helpers/upstream.ts'

const CANARY = 'CANARY-provider-key-5f2c9a'
/** In no shape that looks like a credential, so that nothing but knowing it masks it; and with characters that encodings change. */
const ODD = 'CANARY/odd+key="5f2c"9a'
const CLIENT = 'CANARY-client-credential-77'
const SECRET_HEADER = 'CANARY-extra-header-31'

/** Everything that came out: body, header lines, log lines. */
function outputs(bench: FaultBench, verdict: { raw: string; message: string; headers?: Headers | undefined }): string {
  return [verdict.raw, verdict.message, ...[...(verdict.headers ?? [])].flat(), ...bench.lines].join('\n')
}

describe.each(WAYS)('$side, stream $stream', (way) => {
  it.each(MODEL_NAMES.filter((name) => name.startsWith('fault-')))(
    'no provider key in what the client or the log sees: %s',
    async (model) => {
      const bench = await faultBench({
        keys: [CANARY],
        network: {
          default_request_timeout_in_seconds: 300,
          stream_idle_timeout_in_seconds: 300,
          extra_headers: { 'x-secret-token': SECRET_HEADER },
        },
        client: { max_stream_duration_seconds: 300 },
      })
      for (const raw of ['true', 'false']) {
        const headers = { 'x-bf-send-back-raw-response': raw, 'x-bf-send-back-raw-request': raw, authorization: `Bearer ${CLIENT}` }
        const verdict = await bench.ask(way, model, { headers })
        expect(outputs(bench, verdict)).not.toContain('CANARY-provider')
        expect(outputs(bench, verdict)).not.toContain('CANARY-client')
      }
      for (const hit of bench.hits()) expect(hit.headText).not.toContain('CANARY-client')
      expect(bench.hits()[0]?.key).toBe(CANARY)
    },
  )
})

describe('echoes', () => {
  const ECHOES = MODEL_NAMES.filter((name) => name.startsWith('fault-echo'))

  it.each(WAYS)('hold neither an odd key nor a configured header ($side, stream $stream)', async (way: Way) => {
    const bench = await faultBench({ keys: [ODD], network: { extra_headers: { 'x-secret-token': SECRET_HEADER } } })
    expect(ECHOES.length).toBeGreaterThan(6)
    for (const model of ECHOES) {
      const verdict = await bench.ask(way, model, { headers: { 'x-bf-send-back-raw-response': 'true' } })
      for (const text of [ODD, JSON.stringify(ODD).slice(1, -1), SECRET_HEADER])
        expect([model, outputs(bench, verdict)]).not.toEqual([model, expect.stringContaining(text)])
    }
  })

  it.each(WAYS)('of a key in a header of the answer stay here ($side, stream $stream)', async (way) => {
    const bench = await faultBench({ keys: [CANARY] })
    const verdict = await bench.ask(way, 'fault-echo-key-header')
    expect(verdict.text).toBeDefined()
    expect([...(verdict.headers ?? [])].flat().join()).not.toContain('CANARY')
  })
})
