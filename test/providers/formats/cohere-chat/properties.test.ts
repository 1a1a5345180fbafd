import { describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, Citation, DocumentPart, Message, Part } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { format } from '../../../../providers/formats/cohere-chat/index.ts'
import { framesOf, runFold, splits } from '../../../conformance/format.ts'
import { weave } from '../../../helpers/canonical.ts'
import { Random } from '../../../helpers/random.ts'
import { bytesOf, inbound, outbound, plain, REPLY, write } from './helpers.ts'

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed)
const NAME = 'cohere-chat'

/** Makes canonical values that the format can carry. */
class Maker extends Random {
  #calls = 0
  #unanswered: string[] = []

  json = (): JsonObject => ({ [this.one('a', 'b', 'input')]: this.one<JsonObject[string]>(1, 'é', null, [true, {}], { deep: ['x'] }) })
  textPart = (): Part => ({ type: 'text', text: this.text() })

  /** One entry of the API: a citation for each of its sources. `content`: which block it is about. */
  cited = (content: number): Citation[] => {
    const sources = this.some(() => ({ type: 'document', id: this.text(), document: { url: 'https://a.example', title: this.text() } }), 2)
    const quoted = this.text()
    const entry = { start: this.one(0, 3), end: this.one(5, 9), text: quoted, sources, content_index: content }
    return sources.map(({ document: { url, title } }, index) => ({
      kind: 'url',
      url,
      title,
      text: quoted,
      start: entry.start,
      end: entry.end,
      ...(index === 0 && { extra: { [NAME]: entry } }),
    }))
  }
  call = (): Part => {
    const id = `c_${++this.#calls}`
    this.#unanswered.push(id)
    return { type: 'tool-call', id, name: this.one('f', 'g_h'), arguments: JSON.stringify(this.json()) }
  }

  /** A plan, thoughts and a text, then calls: the order of the API. */
  said = (hasText = this.chance()): Part[] => {
    const thoughts = this.some((): Part => ({ type: 'reasoning', text: this.text() }), 2, 0)
    const citations = this.maybe(() => this.cited(thoughts.length))
    const texts = hasText ? [withoutUndefined<Part>({ type: 'text', text: this.text(), citations })] : []
    const plan: Part = { type: 'reasoning', text: this.text(), extra: { [NAME]: { tool_plan: true } } }
    const calls = this.some(this.call, 2, hasText ? 0 : 1)
    return [...(calls.length > 0 && this.chance() ? [plan] : []), ...thoughts, ...texts, ...calls]
  }

  document = (): DocumentPart =>
    this.one<() => DocumentPart>(
      () =>
        withoutUndefined<DocumentPart>({
          type: 'document',
          source: { kind: 'text', text: this.text() },
          name: this.maybe(this.text),
          extra: this.maybe(() => ({ [NAME]: withoutUndefined({ id: this.maybe(this.text), data: { n: 1, url: 'u' } }) })),
        }),
      () => ({ type: 'document', source: { kind: 'text', text: JSON.stringify(this.json()) }, extra: { [NAME]: { json: true } } }),
    )()
  media = (): Part =>
    withoutUndefined<Part>({
      type: 'image',
      source: this.one({ kind: 'data', mediaType: 'image/png', data: 'AAAA' }, { kind: 'url', url: 'https://a.example/i' }),
      detail: this.maybe(() => 'low'),
    })

  answered = (): Message[] =>
    this.#unanswered.splice(0).map((id) => {
      const parts = this.chance() ? [this.textPart()] : [this.textPart(), this.document()]
      return { role: 'user', parts: [{ type: 'tool-result', id, parts }] }
    })

  request = (): ChatRequest => {
    const messages: Message[] = this.chance() ? [{ role: 'system', parts: [this.textPart()] }] : []
    for (let turn = 0; turn < this.one(1, 2, 3); turn++) {
      messages.push({ role: 'user', parts: this.some(() => (this.chance() ? this.media() : this.textPart()), 3) })
      messages.push({ role: 'assistant', parts: this.said() }, ...this.answered())
    }
    const documents = this.some((): Part => ({ ...this.document(), cites: true }), 2, 0)
    messages.push({ role: 'user', parts: [this.textPart(), ...documents] })
    const strict = this.maybe(() => true as const)
    const tool = (name: string) =>
      withoutUndefined({ kind: 'function' as const, name, description: this.maybe(this.text), parameters: this.json(), strict })
    return withoutUndefined<ChatRequest>({
      model: 'command-a-03-2025',
      messages,
      stream: this.chance(),
      tools: [tool('f'), tool('g_h')],
      toolChoice: this.maybe(() => this.one<ChatRequest['toolChoice']>({ mode: 'none' }, { mode: 'required' })),
      maxOutputTokens: this.maybe(() => 9),
      temperature: this.maybe(() => 0.5),
      topP: this.maybe(() => 0.9),
      topK: this.maybe(() => 3),
      seed: this.maybe(() => 7),
      stop: this.maybe(() => this.some(this.text, 3)),
      presencePenalty: this.maybe(() => 0.25),
      frequencyPenalty: this.maybe(() => 1),
      logprobs: this.maybe(() => this.chance()),
      reasoning: this.maybe(() => this.one<ChatRequest['reasoning']>({ effort: 'none' }, { budgetTokens: 2048 }, { adaptive: true })),
      responseFormat: this.maybe(() =>
        this.one<ChatRequest['responseFormat']>({ type: 'json-object' }, { type: 'json-schema', name: 'response', schema: this.json() }),
      ),
      extra: this.maybe(() => ({ [NAME]: { safety_mode: 'STRICT', of_next_year: this.json() } })),
    })
  }

  response = (): ChatResponse => {
    const parts = this.said()
    const isWaiting = parts.some((part) => part.type === 'tool-call')
    const stop = isWaiting
      ? this.one<Stop>({ reason: 'tool-calls', raw: 'TOOL_CALL' }, { reason: 'length', raw: 'MAX_TOKENS' })
      : this.one<Stop>(
          { reason: 'stop', raw: 'COMPLETE' },
          { reason: 'stop', raw: 'STOP_SEQUENCE' },
          { reason: 'length', raw: 'ERROR_LIMIT' },
        )
    const value = { billed_units: { input_tokens: 1 }, tokens: { input_tokens: 3, output_tokens: this.one(1, 40) }, cached_tokens: 1 }
    const usage = { inputTokens: 3, outputTokens: value.tokens.output_tokens, cacheReadTokens: 1, raw: { format: NAME, value } }
    return { id: 'r-1', model: '', choices: [{ index: 0, parts, stop }], usage }
  }
}

describe('what the format can carry', () => {
  test.each(SEEDS)('a request reads as what was written (seed %i)', (seed) => {
    const request = new Maker(seed).request()
    const sent = plain(outbound.encodeRequest(request, {}).body)
    expect(inbound.decodeRequest(sent).request).toEqual(request)
    expect(plain(outbound.encodeRequest(inbound.decodeRequest(sent).request, {}).body)).toEqual(sent)
  })

  test.each(SEEDS)('a whole answer reads as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    expect(outbound.decodeResponse(plain(inbound.encodeResponse(response, REPLY)))).toEqual(response)
  })

  test.each(SEEDS)('a stream reads as what was written, however it is cut (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const frames = framesOf(format, bytesOf(write(explode(response))), splits(seed + 1))
    const { out, error } = runFold(outbound.decodeStream, frames)
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(response)
  })

  test.each(SEEDS)('parts that come side by side read as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const woven = weave(response, new Random(seed))
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytesOf(write(woven)), splits(seed + 1)))
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(response)
  })

  test.each(SEEDS)('an answer comes back in the next request as it was (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const { message } = plain(inbound.encodeResponse(response, REPLY)) as { message: JsonObject }
    const { request } = inbound.decodeRequest({ model: 'm', messages: [{ role: 'user', content: 'q' }, message] })
    expect(request.messages[1]?.parts).toEqual(response.choices[0]?.parts)
  })
})
