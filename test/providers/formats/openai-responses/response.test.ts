import { expect, test } from 'vitest'
import { foldParts } from '../../../../core/canonical/collect.ts'
import type { JsonObject } from '../../../../core/canonical/json.ts'
import type { Outbound } from '../../../../core/format.ts'
import { format } from '../../../../providers/formats/openai-responses/index.ts'
import { runFold } from '../../../conformance/format.ts'

const outbound = format.outbound as Outbound
const custom = (id: string): JsonObject => ({ type: 'custom_tool_call', id: `ctc_${id}`, call_id: id, name: 'x_search', input: '{}' })
const body = (item: JsonObject): JsonObject => ({ id: 'r', object: 'response', model: 'm', status: 'completed', output: [item] })
const events = (item: JsonObject) =>
  [
    { type: 'response.created', response: { id: 'r', model: 'm' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, input: '' } },
    { type: 'response.custom_tool_call_input.delta', output_index: 0, delta: '{}' },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: body(item) },
  ].map((event) => ({ event: event.type, data: JSON.stringify(event) }))

test.each([
  ['call_1', 'tool-calls'],
  ['xs_call_1', 'stop'],
])('a custom call %s leaves the reason to stop %s, whole and streamed', (id, reason) => {
  const item = custom(id)
  for (const { choices } of [outbound.decodeResponse(body(item)), foldParts(runFold(outbound.decodeStream, events(item)).out)]) {
    expect(choices[0]?.stop.reason).toBe(reason)
    expect(choices[0]?.parts[0]).toMatchObject(
      reason === 'stop' ? { type: 'opaque', value: item } : { type: 'tool-call', kind: 'custom', arguments: '{}' },
    )
  }
})
