import type { ChatRequest, ChatResponse, Citation, Message, Part, Tool, ToolCallPart } from '../../../../core/canonical/chat.ts'
import { withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { format } from '../../../../providers/formats/openai-responses/index.ts'
import { formatProperties } from '../../../conformance/properties.ts'
import { Maker } from '../../../helpers/canonical.ts'

const NAME = 'openai-responses'
const SEALED = 'reasoning.encrypted_content'

class ResponsesMaker extends Maker {
  citation = (): Citation =>
    this.one<() => Citation>(
      () => ({ kind: 'url', url: 'https://a.example', title: this.text(), start: 0, end: 3 }),
      () => {
        const filename = this.text()
        return { kind: 'document', title: filename, extra: { [NAME]: { type: 'file_citation', file_id: 'f', filename, index: 1 } } }
      },
    )()
  called = (): Part => {
    const extra = { [NAME]: withoutUndefined({ id: this.id('fc'), of_next_year: this.maybe(() => 1) }) }
    return this.call({ extra, ...(this.chance(0.2) && { kind: 'custom' as const }) })
  }
  sealed = (): Part => ({ type: 'reasoning', text: '', redacted: this.one('gAA-_x', 'c2VhbA=='), signedBy: 'openai', id: this.id('rs') })
  refusal = (): Part => ({ type: 'refusal', text: this.text() })

  /** What a model says, in any order. */
  said = (): Part[] =>
    this.some(
      () =>
        this.one<() => Part>(
          () => withoutUndefined<Part>({ ...this.textPart(), citations: this.maybe(() => this.some(this.citation, 2)) } as Part),
          this.refusal,
          () => ({ type: 'reasoning', text: this.text(), signedBy: 'openai', id: this.id('rs') }),
          () => ({ type: 'reasoning', text: this.text(), summary: true, signedBy: 'openai', id: this.id('rs') }),
          this.sealed,
          this.called,
          () => ({
            type: 'opaque',
            format: NAME,
            value: { type: 'web_search_call', id: this.id('ws'), status: 'completed', action: this.json() },
          }),
        )(),
      4,
    )
  /** What goes back to the model: texts without what they cite, and thoughts that are sealed. */
  sent = (): Part[] => this.some(() => this.one<() => Part>(this.textPart, this.refusal, this.sealed, this.called)(), 4)

  media = (): Part =>
    this.one<() => Part>(
      () =>
        withoutUndefined<Part>({
          type: 'image',
          source: this.one(
            { kind: 'data', mediaType: 'image/png', data: 'AAAA' },
            { kind: 'url', url: 'https://a.example/i' },
            { kind: 'file', id: 'f_1' },
          ),
          detail: this.maybe(() => 'low'),
        }),
      () => ({ type: 'document', source: { kind: 'data', mediaType: 'application/pdf', data: 'JVBERg==' }, name: this.text() }),
      () =>
        withoutUndefined<Part>({
          type: 'document',
          source: this.one({ kind: 'url', url: 'https://a.example/d' }, { kind: 'file', id: 'f_2' }),
          name: this.maybe(this.text),
        }),
    )()
  asked = (): Part[] =>
    this.some(
      () =>
        this.one<() => Part>(
          this.media,
          () => withoutUndefined<Part>({ ...this.textPart(), extra: this.maybe(() => ({ [NAME]: { of_next_year: 1 } })) }),
          () => ({ type: 'audio', source: { kind: 'data', mediaType: this.one('audio/mpeg', 'audio/wav'), data: 'AAAA' } }),
        )(),
      3,
    )

  /** Results that follow each other are one turn. */
  answered = (calls: ToolCallPart[]): Message[] => {
    const results = calls.map(({ id, kind }): Part => {
      const parts = this.chance() ? [this.textPart()] : [this.textPart(), this.media()]
      return { type: 'tool-result', id, parts, ...(kind && { kind }) }
    })
    return results.length > 0 ? [{ role: 'user', parts: results }] : []
  }

  tool = (): Tool =>
    this.one<() => Tool>(
      () =>
        withoutUndefined<Tool>({
          kind: 'function',
          name: this.one('f', 'g_h'),
          description: this.maybe(this.text),
          parameters: this.json(),
          strict: this.chance(),
          extra: this.maybe(() => ({ [NAME]: { of_next_year: 1 } })),
        }),
      () => withoutUndefined<Tool>({ kind: 'custom', name: 'q', description: this.maybe(this.text), grammar: this.maybe(this.json) }),
      () => ({ kind: 'server', name: 'web_search', format: NAME, value: { type: 'web_search', search_context_size: 'low' } }),
    )()

  request = (): ChatRequest => {
    const instructions: Message = { role: 'system', parts: [this.textPart()], extra: { [NAME]: { instructions: true } } }
    const said = (): Message => ({ role: this.one('system', 'developer'), parts: [this.textPart()] })
    const effort = this.maybe(() => this.one('low' as const, 'high' as const))
    const topLogprobs = this.maybe(() => 2)
    const own = effort && { reasoning: { summary: 'auto' }, include: [SEALED] }
    const extra = withoutUndefined({ ...own, truncation: this.maybe(() => 'auto'), of_next_year: this.maybe(this.json) })
    return withoutUndefined<ChatRequest>({
      model: 'gpt-5',
      messages: [
        ...(this.chance() ? [instructions] : []),
        ...this.some(said, 1, 0),
        ...this.talk({ asked: this.asked, said: this.sent, answered: this.answered }),
      ],
      stream: this.chance(),
      ...this.settings(),
      logprobs: topLogprobs === undefined ? undefined : true,
      topLogprobs,
      tools: this.some(this.tool, 3),
      toolChoice: this.maybe(() =>
        this.one<ChatRequest['toolChoice']>(
          { mode: 'auto' },
          { mode: 'required' },
          { mode: 'none' },
          { mode: 'tool', name: 'f' },
          { mode: 'allowed', names: ['f', 'g_h'], required: this.chance() },
        ),
      ),
      parallelToolCalls: this.maybe(() => this.chance()),
      reasoning: effort && { effort },
      responseFormat: this.maybe(() =>
        this.one<ChatRequest['responseFormat']>(
          { type: 'text' },
          { type: 'json-object' },
          { type: 'json-schema', name: 'a', schema: this.json(), strict: true },
        ),
      ),
      verbosity: this.maybe(() => 'low'),
      user: this.maybe(this.text),
      safetyIdentifier: this.maybe(this.text),
      metadata: this.maybe(this.json),
      serviceTier: this.maybe(() => 'flex'),
      store: this.maybe(() => this.chance()),
      promptCacheKey: this.maybe(this.text),
      promptCacheRetention: this.maybe(() => '24h'),
      extra: Object.keys(extra).length > 0 ? { [NAME]: extra } : undefined,
    })
  }

  response = (): ChatResponse => {
    const parts = this.said()
    const waits = parts.some((part) => part.type === 'tool-call')
    const stop = this.one<Stop>(
      { reason: waits ? 'tool-calls' : 'stop', raw: 'completed' },
      { reason: 'length', raw: 'max_output_tokens' },
      { reason: 'content-filter', raw: 'content_filter' },
    )
    const value = {
      input_tokens: 3,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens: this.one(1, 40),
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 43,
    }
    const usage = {
      inputTokens: 3,
      outputTokens: value.output_tokens,
      cacheReadTokens: 1,
      reasoningTokens: 2,
      raw: { format: NAME, value },
    }
    return withoutUndefined<ChatResponse>({
      id: 'resp_1',
      model: 'gpt',
      created: 5,
      choices: [{ index: 0, parts, stop }],
      usage,
      serviceTier: this.maybe(() => 'flex'),
    })
  }
}

formatProperties({ format, make: (seed) => new ResponsesMaker(seed) })
