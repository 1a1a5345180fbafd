import { expect, it } from 'vitest'
import { PLAIN_TEXT } from '../../bench/upstream/contents.ts'
import type { JsonObject } from '../../core/canonical/json.ts'
import { faultBench, WAYS } from '../helpers/faults.ts'

const RAW = { 'x-bf-send-back-raw-response': 'true', 'x-bf-send-back-raw-request': 'true' }
const STREAMED = WAYS.filter((way) => way.stream)

it.each(STREAMED)('21 raw answers beside the events break none of them, however they came ($side)', async (way) => {
  const bench = await faultBench()
  for (const model of [
    'text',
    'fault-multi-line-data',
    'fault-crlf',
    'fault-comments',
    'fault-no-role',
    'fault-no-start-not',
    'fault-split-bytes',
  ]) {
    expect([model, (await bench.ask(way, model, { headers: RAW })).text]).toEqual([model, PLAIN_TEXT])
  }
})

/** Where the path names the model, the body has neither it nor the flag. */
const WITHOUT_MODEL: Partial<Record<string, JsonObject>> = {
  gemini: { contents: [{ role: 'user' }] },
  bedrock: { messages: [{ role: 'user' }] },
}

it.each(STREAMED)('a request that is laid out over lines does not break the event that repeats it ($side)', async (way) => {
  const bench = await faultBench()
  const request = { model: `${way.side}/text`, stream: true, messages: [{ role: 'user', content: 'hi' }] }
  const response = await bench.gateway.fetch('/v1/chat/completions', JSON.stringify(request, null, 2), RAW)
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  expect(lines.filter((line) => !line.startsWith('data: '))).toEqual([])
  const [first] = lines.map((line) => line.slice('data: '.length))
  const { extra_fields: facts } = JSON.parse(first ?? '') as { extra_fields: JsonObject }
  expect(facts.raw_request).toMatchObject(WITHOUT_MODEL[way.side] ?? { model: 'text', stream: true })
})
