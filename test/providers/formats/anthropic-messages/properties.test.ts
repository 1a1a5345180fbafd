import { describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, Citation, Message, Part, Tool } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { format } from '../../../../providers/formats/anthropic-messages/index.ts'
import { framesOf, runFold, splits } from '../../../conformance/format.ts'
import { weave } from '../../../helpers/canonical.ts'
import { Random } from '../../../helpers/random.ts'
import { bytesOf, inbound, outbound, REPLY, seeded, write } from './helpers.ts'

const SEEDS = Array.from({ length: 120 }, (_, seed) => seed)
const TEXTS = ['a', 'Grüße 😀', '"quoted" \\ and\nlines', '{"no":"json"', 'a \u2028 b', '</s>', 'x'.repeat(300)]

/** Makes canonical values that the format can carry, always the same for a seed. */
class Maker {
  readonly #random: () => number
  #calls = 0
  readonly #unanswered: string[] = []

  constructor(seed: number) {
    this.#random = seeded(seed * 7919 + 1)
  }

  chance(share = 0.5): boolean {
    return this.#random() < share
  }
  one<Value>(...values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)] as Value
  }
  some<Value>(make: () => Value, most: number, least = 1): Value[] {
    return Array.from({ length: least + Math.floor(this.#random() * (most - least + 1)) }, make)
  }
  maybe<Value>(make: () => Value): Value | undefined {
    return this.chance() ? make() : undefined
  }
  text = (): string => this.some(() => this.one(...TEXTS), 3).join('')
  json = (): JsonObject => ({ [this.one('a', 'b', 'input')]: this.one<JsonObject[string]>(1, 'é', null, [true, {}], { deep: ['x'] }) })
  extra = () => this.maybe(() => ({ 'anthropic-messages': { of_next_year: this.one<JsonObject[string]>(1, { a: [2] }) } }))
  cache = () => this.maybe(() => withoutUndefined({ ttl: this.maybe(() => this.one('5m', '1h')) }))

  citation = (): Citation => {
    const title = this.maybe(this.text)
    const own = { type: 'search_result_location', title: title ?? null, cited_text: 'q', source: 'internal', search_result_index: 0 }
    return { kind: 'document', ...(title !== undefined && { title }), text: 'q', extra: { 'anthropic-messages': own } }
  }
  textPart = (): Part => ({ type: 'text', text: this.text() })
  thought = (): Part =>
    this.chance(0.3)
      ? { type: 'reasoning', text: '', redacted: 'c2VhbA==', signedBy: 'anthropic' }
      : { type: 'reasoning', text: this.text(), signature: 'c2ln', signedBy: 'anthropic' }
  call = (): Part => {
    const id = `toolu_${++this.#calls}`
    this.#unanswered.push(id)
    return { type: 'tool-call', id, name: this.one('f', 'g_h'), arguments: JSON.stringify(this.json()) }
  }
  run = (): Part[] => {
    const id = `srvtoolu_${++this.#calls}`
    const page = { type: 'web_search_result', url: 'https://a.example', title: 'A', encrypted_content: 'ZQ==' }
    return [
      {
        type: 'tool-call',
        kind: 'server',
        id,
        name: 'web_search',
        arguments: '{"query":"x"}',
        extra: { 'anthropic-messages': { type: 'server_tool_use' } },
      },
      {
        type: 'tool-result',
        kind: 'server',
        id,
        name: 'web_search',
        parts: [{ type: 'document', source: { kind: 'url', url: 'https://a.example' }, name: 'A', extra: { 'anthropic-messages': page } }],
        extra: { 'anthropic-messages': { type: 'web_search_tool_result' } },
      },
    ]
  }

  /** What a model says. */
  said = (): Part[] =>
    this.some(
      () =>
        this.one<() => Part[]>(
          () => [
            withoutUndefined<Part>({
              type: 'text',
              text: this.text(),
              citations: this.maybe(() => this.some(this.citation, 2)),
              extra: this.extra(),
            }),
          ],
          () => [this.thought()],
          () => [withoutUndefined<Part>({ ...this.call(), extra: this.extra() } as Part)],
          this.run,
          () => [{ type: 'opaque', format: 'anthropic-messages', value: { type: 'compaction', content: this.text() } }],
        )(),
      4,
    ).flat()

  media = (): Part =>
    this.one<() => Part>(
      () => ({ type: 'image', source: { kind: 'data', mediaType: 'image/png', data: this.one('AAAA', 'AA==') } }),
      () => ({ type: 'image', source: { kind: 'url', url: 'https://a.example/i' } }),
      () => ({ type: 'image', source: { kind: 'file', id: 'file_1' } }),
      () =>
        withoutUndefined<Part>({
          type: 'document',
          source: this.one(
            { kind: 'data', mediaType: 'application/pdf', data: 'JVBERg==' },
            { kind: 'url', url: 'https://a.example/d' },
            { kind: 'text', text: this.text(), mediaType: 'text/plain' },
            { kind: 'parts', parts: this.some(this.textPart, 2) },
            { kind: 'file', id: 'file_2' },
          ),
          name: this.maybe(this.text),
          context: this.maybe(this.text),
          cites: this.maybe(() => this.chance()),
        }),
    )()

  /** Results first: the API wants them so. A result of several plain texts, or none, is told as it is. */
  asked = (): Part[] => {
    const results = this.#unanswered.splice(0).map((id): Part => {
      const parts = this.some(() => (this.chance() ? this.media() : this.textPart()), 2, 0)
      return withoutUndefined<Part>({ type: 'tool-result', id, parts, isError: this.maybe(() => true as const), cache: this.cache() })
    })
    const rest = this.some(
      () => withoutUndefined<Part>({ ...(this.chance() ? this.media() : this.textPart()), cache: this.cache(), extra: this.extra() }),
      3,
    )
    return [...results, ...rest]
  }

  tool = (): Tool =>
    this.chance(0.3)
      ? { kind: 'server', name: 'bash', format: 'anthropic-messages', value: { type: 'bash_20250124', name: 'bash' } }
      : withoutUndefined<Tool>({
          kind: 'function',
          name: this.one('f', 'g_h'),
          description: this.maybe(this.text),
          parameters: { type: 'object', properties: this.json() },
          strict: this.maybe(() => true as const),
          cache: this.cache(),
          extra: this.extra(),
        })

  request = (): ChatRequest => {
    const messages: Message[] = this.chance() ? [{ role: 'system', parts: this.some(this.textPart, 2) }] : []
    for (let turn = 0; turn < this.one(1, 2, 3); turn++)
      messages.push({ role: 'user', parts: this.asked() }, { role: 'assistant', parts: this.said() })
    messages.push({ role: 'user', parts: this.asked() })
    const tools = this.maybe(() => this.some(this.tool, 3))
    const toolChoice =
      tools && this.maybe(() => this.one<ChatRequest['toolChoice']>({ mode: 'auto' }, { mode: 'required' }, { mode: 'tool', name: 'f' }))
    return withoutUndefined<ChatRequest>({
      model: 'claude-sonnet-4-5',
      messages,
      stream: this.chance(),
      maxOutputTokens: 9000,
      tools,
      toolChoice,
      parallelToolCalls: toolChoice && this.maybe(() => false),
      temperature: this.maybe(() => 0.5),
      stop: this.maybe(() => this.some(this.text, 3)),
      user: this.maybe(this.text),
      serviceTier: this.maybe(() => this.one('auto', 'default')),
      reasoning: this.maybe(() => this.one<ChatRequest['reasoning']>({ effort: 'none' }, { budgetTokens: 2048, display: 'omitted' })),
      extra: this.maybe(() => ({ 'anthropic-messages': { container: 'c', of_next_year: this.json() } })),
    })
  }

  response = (): ChatResponse => {
    const parts = this.said()
    const stop = this.one<Stop>(
      { reason: 'stop', raw: 'end_turn' },
      { reason: 'stop', raw: 'stop_sequence', sequence: 'END' },
      { reason: 'length', raw: 'max_tokens' },
      { reason: 'tool-calls', raw: 'tool_use' },
      { reason: 'pause', raw: 'pause_turn' },
      { reason: 'refusal', raw: 'refusal' },
    )
    const value = { input_tokens: 3, cache_creation_input_tokens: 2, cache_read_input_tokens: 1, output_tokens: this.one(1, 40) }
    const usage = {
      inputTokens: 6,
      outputTokens: value.output_tokens,
      cacheReadTokens: 1,
      cacheWriteTokens: 2,
      raw: { format: 'anthropic-messages', value },
    }
    const extra = this.maybe(() => ({ 'anthropic-messages': { container: { id: 'c' }, of_next_year: 1 } }))
    return { id: 'msg_1', model: 'claude', choices: [withoutUndefined({ index: 0, parts, stop, extra })], usage }
  }
}

describe('what the format can carry', () => {
  test.each(SEEDS)('a request reads as what was written (seed %i)', (seed) => {
    const request = new Maker(seed).request()
    const isThinking = request.reasoning?.budgetTokens !== undefined
    const carried = isThinking ? withoutUndefined({ ...request, temperature: undefined }) : request
    const { body } = outbound.encodeRequest(request, {})
    expect(inbound.decodeRequest(JSON.parse(JSON.stringify(body))).request).toEqual(carried)
  })

  test.each(SEEDS)('a whole answer reads as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    expect(outbound.decodeResponse(JSON.parse(JSON.stringify(inbound.encodeResponse(response, REPLY))))).toEqual(response)
  })

  test.each(SEEDS)('a stream reads as what was written, however it is cut (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytesOf(write(explode(response))), splits(seed + 1)), {})
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(response)
  })

  test.each(SEEDS)('parts that come side by side read as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const woven = weave(response, new Random(seed))
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytesOf(write(woven)), splits(seed + 1)), {})
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(response)
  })

  test.each(SEEDS)('an answer comes back in the next request as it was (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const { content } = inbound.encodeResponse(response, REPLY)
    const body = { model: 'm', max_tokens: 1, messages: [{ role: 'assistant', content: JSON.parse(JSON.stringify(content)) }] }
    expect(inbound.decodeRequest(body).request.messages[0]?.parts).toEqual(response.choices[0]?.parts)
  })
})
