import { describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, Citation, Message, Part, Reasoning, Tool } from '../../../../core/canonical/chat.ts'
import { foldParts } from '../../../../core/canonical/collect.ts'
import { explode } from '../../../../core/canonical/explode.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { encodeAwsFrame } from '../../../../core/stream/framing-aws.ts'
import { format } from '../../../../providers/formats/bedrock-converse/index.ts'
import { framesOf, runFold, splits } from '../../../conformance/format.ts'
import { weave } from '../../../helpers/canonical.ts'
import { Random } from '../../../helpers/random.ts'
import { CLAUDE, inbound, outbound, plain, REPLY, read, write } from './helpers.ts'

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed)
const NAME = 'bedrock-converse'

/** Makes canonical values that the format can carry. */
class Maker extends Random {
  #made = 0
  readonly #unanswered: string[] = []

  json = (): JsonObject => ({ [this.one('a', 'b', 'input')]: this.one<JsonObject[string]>(1, 'é', null, [true, {}], { deep: ['x'] }) })
  cache = () => this.maybe(() => withoutUndefined({ ttl: this.maybe(() => this.one('5m', '1h')) }))
  textPart = (): Part => ({ type: 'text', text: this.text() })

  citation = (): Citation => {
    const [title, url, quoted] = [this.maybe(this.text), this.maybe(() => 'https://a.example'), this.maybe(this.text)]
    const own = withoutUndefined<JsonObject>({
      title,
      location: url === undefined ? { documentPage: { documentIndex: 1 } } : { web: { url } },
      sourceContent: quoted === undefined ? undefined : [{ text: quoted }],
    })
    return withoutUndefined<Citation>({ kind: url === undefined ? 'document' : 'url', url, title, text: quoted, extra: { [NAME]: own } })
  }
  /** `isOwn`: of this API's own models. */
  thought = (isOwn: boolean): Part => {
    const signedBy = isOwn ? 'anthropic' : this.one('anthropic', 'google', 'openai')
    return this.chance(0.3)
      ? { type: 'reasoning', text: '', redacted: isOwn ? 'c2VhbA==' : this.one('c2VhbA==', 'gAA-_x'), signedBy }
      : { type: 'reasoning', text: this.text(), signature: 'c2ln', signedBy }
  }
  call = (): Part => {
    const id = `tooluse_${++this.#made}`
    this.#unanswered.push(id)
    return { type: 'tool-call', id, name: this.one('f', 'g_h'), arguments: JSON.stringify(this.json()) }
  }
  run = (): Part[] => {
    const id = `srv_${++this.#made}`
    const json: Part = { type: 'text', text: JSON.stringify(this.json()), extra: { [NAME]: { json: true } } }
    const name = 'nova_code_interpreter'
    return [
      { type: 'tool-call', kind: 'server', id, name, arguments: '{"x":1}', extra: { [NAME]: { type: 'server_tool_use' } } },
      withoutUndefined<Part>({
        type: 'tool-result',
        kind: 'server',
        id,
        parts: [json],
        isError: this.chance(),
        extra: { [NAME]: { type: `${name}_result` } },
      }),
    ]
  }

  /** What a model says. */
  said = (isOwn: boolean): Part[] =>
    this.some(
      () =>
        this.one<() => Part[]>(
          () => [withoutUndefined<Part>({ type: 'text', text: this.text(), citations: this.maybe(() => this.some(this.citation, 2)) })],
          () => [this.thought(isOwn)],
          () => [this.call()],
          this.run,
        )(),
      4,
    ).flat()

  media = (): Part =>
    this.one<() => Part>(
      () => ({ type: 'image', source: { kind: 'data', mediaType: this.one('image/png', 'image/webp'), data: this.one('AAAA', 'AA==') } }),
      () => ({
        type: 'image',
        source: { kind: 'url', url: 's3://b/k', mediaType: 'image/gif' },
        extra: { [NAME]: { bucketOwner: '1' } },
      }),
      () => ({ type: 'document', source: { kind: 'data', mediaType: 'video/webm', data: 'AAAA' } }),
      () => {
        const isText = this.chance()
        return withoutUndefined<Part>({
          type: 'document',
          source: isText
            ? { kind: 'text', text: this.text(), mediaType: 'text/plain' }
            : this.one(
                { kind: 'data', mediaType: 'application/pdf', data: 'JVBERg==' },
                { kind: 'parts', parts: this.some(this.textPart, 2) },
              ),
          name: `document ${++this.#made}`,
          context: this.maybe(this.text),
          cites: this.maybe(() => this.chance()),
          extra: isText ? { [NAME]: { text: true } } : undefined,
        })
      },
    )()

  result = (id: string): Part => {
    const json: Part = { type: 'text', text: JSON.stringify(this.json()), extra: { [NAME]: { json: true } } }
    const parts = this.some(() => this.one(json, this.media(), { type: 'text', text: `said: ${this.text()}` } as Part), 2)
    return withoutUndefined<Part>({ type: 'tool-result', id, parts, isError: this.chance(), cache: this.cache() })
  }
  asked = (): Part[] => [
    ...this.#unanswered.splice(0).map(this.result),
    ...this.some(() => withoutUndefined<Part>({ ...(this.chance() ? this.media() : this.textPart()), cache: this.cache() }), 3),
  ]

  tool = (): Tool =>
    this.chance(0.3)
      ? { kind: 'server', name: 'web_search', format: NAME, value: { systemTool: { name: 'nova_grounding' } } }
      : withoutUndefined<Tool>({
          kind: 'function',
          name: this.one('f', 'g_h'),
          description: this.text(),
          parameters: { type: 'object', properties: this.json() },
          strict: this.maybe(() => true as const),
          cache: this.cache(),
          extra: this.maybe(() => ({ [NAME]: { novelty: 1 } })),
        })

  /** What is said among the model's own fields, and how canonical form says it. */
  fields = (): { fields: JsonObject; reasoning?: Reasoning; topK?: number } =>
    this.one(
      { fields: { thinking: { type: 'enabled', budget_tokens: 2048 }, novelty: 1 }, reasoning: { budgetTokens: 2048 } },
      {
        fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' }, top_k: 3 },
        reasoning: { effort: 'low' as const },
        topK: 3,
      },
      {
        fields: { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } },
        reasoning: { effort: 'max' as const, adaptive: true },
      },
    )

  request = (): ChatRequest => {
    const messages: Message[] = this.chance() ? [{ role: 'system', parts: this.some(this.textPart, 2) }] : []
    for (let turn = 0; turn < this.one(1, 2, 3); turn++)
      messages.push({ role: 'user', parts: this.asked() }, { role: 'assistant', parts: this.said(true) })
    messages.push({ role: 'user', parts: this.asked() })
    const { fields, ...said } = this.fields()
    const hasFields = this.chance()
    const own = {
      ...(hasFields && { additionalModelRequestFields: fields }),
      ...this.maybe(() => ({ guardrailConfig: { trace: 'enabled' } })),
    }
    return withoutUndefined<ChatRequest>({
      model: CLAUDE,
      messages,
      stream: false,
      tools: this.some(this.tool, 3),
      toolChoice: this.maybe(() =>
        this.one<ChatRequest['toolChoice']>({ mode: 'auto' }, { mode: 'required' }, { mode: 'tool', name: 'f' }),
      ),
      maxOutputTokens: 9000,
      temperature: this.maybe(() => 0.5),
      stop: this.maybe(() => this.some(this.text, 3)),
      serviceTier: this.maybe(() => this.one('flex', 'default')),
      ...(hasFields && said),
      extra: { [NAME]: { additionalModelResponseFieldPaths: ['/x'], ...own } },
    })
  }

  response = (): ChatResponse => {
    const parts = this.said(false)
    const isWaiting = parts.some((part) => part.type === 'tool-call' && part.kind !== 'server')
    const stop = isWaiting
      ? this.one<Stop>({ reason: 'tool-calls', raw: 'tool_use' }, { reason: 'length', raw: 'max_tokens' })
      : this.one<Stop>(
          { reason: 'stop', raw: 'end_turn' },
          { reason: 'length', raw: 'model_context_window_exceeded' },
          { reason: 'content-filter', raw: 'guardrail_intervened' },
        )
    const value = { inputTokens: 3, outputTokens: this.one(1, 40), totalTokens: 9, cacheReadInputTokens: 1, cacheWriteInputTokens: 2 }
    const usage = {
      inputTokens: 6,
      outputTokens: value.outputTokens,
      cacheReadTokens: 1,
      cacheWriteTokens: 2,
      raw: { format: NAME, value },
    }
    const extra = this.maybe(() => ({ [NAME]: { additionalModelResponseFields: { novelty: 1 } } }))
    const facts = { metrics: { latencyMs: 7 }, ...this.maybe(() => ({ trace: { guardrail: {} } })) }
    return withoutUndefined<ChatResponse>({
      id: '',
      model: '',
      choices: [withoutUndefined({ index: 0, parts, stop, extra })],
      usage,
      serviceTier: this.maybe(() => 'priority'),
      extra: { [NAME]: facts },
    })
  }
}

/** As a provider's answer is read: proofs are not looked into. */
const CARRY = { signedBy: 'anthropic' }

/** An answer with the proofs as this API writes them. */
function sealed(response: ChatResponse): ChatResponse {
  const [choice] = response.choices
  const own = (part: Part): Part => (part.type === 'reasoning' ? { ...part, signedBy: 'anthropic', ...proofOf(part) } : part)
  return { ...response, choices: [{ ...(choice as ChatResponse['choices'][0]), parts: choice?.parts.map(own) ?? [] }] }
}

function proofOf(part: Extract<Part, { type: 'reasoning' }>): object {
  const [block] = (
    inbound.encodeResponse({ id: '', model: '', choices: [{ index: 0, parts: [part], stop: { reason: 'stop' } }] }, REPLY).output as {
      message: { content: { reasoningContent: { redactedContent?: string; reasoningText?: { signature: string } } }[] }
    }
  ).message.content
  const { redactedContent: redacted, reasoningText } = block?.reasoningContent ?? {}
  return redacted === undefined ? { signature: reasoningText?.signature } : { redacted }
}

describe('what the format can carry', () => {
  test.each(SEEDS)('a request reads as what was written (seed %i)', (seed) => {
    const request = new Maker(seed).request()
    const sent = plain(outbound.encodeRequest(request, {}).body)
    expect(read(sent)).toEqual(request)
    expect(plain(outbound.encodeRequest(read(sent), {}).body)).toEqual(sent)
  })

  test.each(SEEDS)('a whole answer reads as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    expect(outbound.decodeResponse(plain(inbound.encodeResponse(response, REPLY)), CARRY)).toEqual(sealed(response))
  })

  test.each(SEEDS)('a stream reads as what was written, however it is cut (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const bytes = Buffer.concat(write(explode(response)).map((frame) => encodeAwsFrame(frame)))
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytes, splits(seed + 1)), { carry: CARRY })
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(sealed(response))
  })

  test.each(SEEDS)('parts that come side by side read as what was written (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const bytes = Buffer.concat(write(weave(response, new Random(seed))).map((frame) => encodeAwsFrame(frame)))
    const { out, error } = runFold(outbound.decodeStream, framesOf(format, bytes, splits(seed + 1)), { carry: CARRY })
    expect(error).toBeUndefined()
    expect(foldParts(out)).toEqual(sealed(response))
  })

  test.each(SEEDS)('an answer comes back in the next request as it was (seed %i)', (seed) => {
    const response = new Maker(seed).response()
    const { message } = plain(inbound.encodeResponse(response, REPLY)).output as { message: JsonObject }
    const messages = [{ role: 'user', content: [{ text: 'q' }] }, message]
    expect(read({ messages }).messages[1]?.parts).toEqual(response.choices[0]?.parts)
  })
})
