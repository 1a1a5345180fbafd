import type { ChatRequest, ChatResponse, Citation, Message, Part, Tool } from '../../../../core/canonical/chat.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { format } from '../../../../providers/formats/openai-chat/index.ts'
import { formatProperties } from '../../../conformance/properties.ts'
import { Maker } from '../../../helpers/canonical.ts'

const NAME = 'openai-chat'

class ChatMaker extends Maker {
  extra = () => this.maybe(() => ({ [NAME]: { of_next_year: this.one<JsonObject[string]>(1, { a: [2] }) } }))

  citation = (): Citation =>
    this.one<() => Citation>(
      () =>
        withoutUndefined<Citation>({
          kind: 'url',
          url: 'https://a.example',
          title: this.text(),
          start: 0,
          end: 3,
          text: this.maybe(this.text),
        }),
      () => ({ kind: 'document', extra: { [NAME]: { type: 'file_citation', file_citation: { file_id: this.text() } } } }),
    )()
  thought = (): Part =>
    this.one<() => Part>(
      () => ({ type: 'reasoning', text: this.text() }),
      () =>
        withoutUndefined<Part>({
          type: 'reasoning',
          text: this.text(),
          signature: 'c2ln',
          id: this.maybe(() => 'r'),
          signedBy: 'anthropic',
        }),
      () => ({ type: 'reasoning', text: '', redacted: 'c2VhbA==', signedBy: 'openai' }),
      () => ({ type: 'reasoning', text: this.text(), summary: true }),
    )()

  /** Thoughts, one text or refusal, then calls: this format has them apart. */
  said = (): Part[] => {
    const text = withoutUndefined<Part>({ type: 'text', text: this.text(), citations: this.maybe(() => this.some(this.citation, 2)) })
    const told = this.one<Part[]>([text], [{ type: 'refusal', text: this.text() }], [])
    const calls = this.some(() => this.call(this.chance(0.2) ? { kind: 'custom' } : {}), 3, told.length === 0 ? 1 : 0)
    return [...this.some(this.thought, 3, 0), ...told, ...calls]
  }

  media = (): Part =>
    this.one<() => Part>(
      () =>
        withoutUndefined<Part>({
          type: 'image',
          source: this.one({ kind: 'data', mediaType: 'image/png', data: 'AAAA' }, { kind: 'url', url: 'https://a.example/i' }),
          detail: this.maybe(() => 'low'),
          extra: this.extra(),
        }),
      () => ({ type: 'audio', source: { kind: 'data', mediaType: this.one('audio/mpeg', 'audio/wav'), data: 'AAAA' } }),
      () => ({ type: 'document', source: { kind: 'data', mediaType: 'application/pdf', data: 'JVBERg==' }, name: this.text() }),
      () => withoutUndefined<Part>({ type: 'document', source: { kind: 'file', id: 'file_1' }, name: this.maybe(this.text) }),
      () => ({ type: 'document', source: { kind: 'url', url: 'https://a.example/d' } }),
      () => ({ type: 'opaque', format: NAME, value: { type: 'video_url', video_url: { url: this.text() } } }),
    )()
  asked = (): Part[] =>
    this.some(() => (this.chance() ? this.media() : withoutUndefined<Part>({ ...this.textPart(), extra: this.extra() })), 3)

  /** What goes back to the model: no thoughts, which OpenAI refuses, and citations with them. */
  sent = (): Part[] =>
    this.said()
      .filter((part) => part.type !== 'reasoning')
      .map((part) => (part.type === 'text' ? { type: 'text', text: part.text } : part))

  tool = (): Tool =>
    this.one<() => Tool>(
      () =>
        withoutUndefined<Tool>({
          kind: 'function',
          name: this.one('f', 'g_h'),
          description: this.maybe(this.text),
          parameters: this.maybe(this.json),
          strict: this.maybe(() => this.chance()),
          extra: this.extra(),
        }),
      () => withoutUndefined<Tool>({ kind: 'custom', name: 'q', description: this.maybe(this.text), grammar: this.maybe(this.json) }),
      () => ({ kind: 'server', name: 'browser_search', format: NAME, value: { type: 'browser_search' } }),
    )()

  request = (): ChatRequest => {
    const stream = this.chance()
    const said = (role: Message['role']): Message =>
      withoutUndefined<Message>({ role, parts: [this.textPart()], name: this.maybe(this.text) })
    const talk = this.talk({
      asked: this.asked,
      said: this.sent,
      answered: (calls) => calls.map(({ id }) => ({ role: 'user', parts: [{ type: 'tool-result', id, parts: [this.textPart()] }] })),
    })
    return withoutUndefined<ChatRequest>({
      model: 'gpt-5',
      messages: [...this.some(() => said(this.one('system', 'developer')), 2, 0), ...talk],
      stream,
      streamUsage: stream ? true : undefined,
      ...this.settings(),
      topK: this.maybe(() => 3),
      stop: this.maybe(() => this.some(this.text, 3)),
      seed: this.maybe(() => 7),
      presencePenalty: this.maybe(() => 0.25),
      frequencyPenalty: this.maybe(() => 1),
      logitBias: this.maybe(() => ({ '50256': -100 })),
      logprobs: this.maybe(() => true),
      topLogprobs: this.maybe(() => 2),
      choices: this.maybe(() => 2),
      tools: this.some(this.tool, 3),
      toolChoice: this.maybe(() =>
        this.one<ChatRequest['toolChoice']>(
          { mode: 'auto' },
          { mode: 'required' },
          { mode: 'none' },
          { mode: 'tool', name: 'f' },
          { mode: 'allowed', names: ['f'], required: this.chance() },
        ),
      ),
      parallelToolCalls: this.maybe(() => this.chance()),
      reasoning: this.maybe(() => ({ effort: this.one('none', 'low', 'high') })),
      responseFormat: this.maybe(() =>
        this.one<ChatRequest['responseFormat']>(
          { type: 'text' },
          { type: 'json-object' },
          { type: 'json-schema', name: 'a', schema: this.json(), strict: true },
        ),
      ),
      verbosity: this.maybe(() => 'low'),
      modalities: this.maybe(() => ['text', 'audio']),
      audio: this.maybe(this.json),
      prediction: this.maybe(this.json),
      user: this.maybe(this.text),
      safetyIdentifier: this.maybe(this.text),
      metadata: this.maybe(this.json),
      serviceTier: this.maybe(() => 'flex'),
      store: this.maybe(() => this.chance()),
      promptCacheKey: this.maybe(this.text),
      promptCacheRetention: this.maybe(() => '24h'),
      extra: this.extra(),
    })
  }

  response = (): ChatResponse => {
    const value = { prompt_tokens: 3, completion_tokens: this.one(1, 40), total_tokens: 43, prompt_tokens_details: { cached_tokens: 1 } }
    const usage = {
      inputTokens: 3,
      outputTokens: value.completion_tokens,
      totalTokens: 43,
      cacheReadTokens: 1,
      raw: { format: NAME, value },
    }
    const choices = this.some(this.said, 2).map((parts, index) => {
      const waits = parts.some((part) => part.type === 'tool-call')
      const stop: Stop = waits
        ? { reason: 'tool-calls', raw: 'tool_calls' }
        : this.one<Stop>(
            { reason: 'stop', raw: 'stop' },
            { reason: 'length', raw: 'length' },
            { reason: 'content-filter', raw: 'content_filter' },
          )
      return { index, parts, stop }
    })
    return withoutUndefined<ChatResponse>({
      id: 'c_1',
      model: 'gpt',
      created: 5,
      choices,
      usage,
      serviceTier: this.maybe(() => 'flex'),
      extra: this.extra(),
    })
  }
}

/** Texts stand apart from calls here: those that came between calls are one. */
function kept(response: ChatResponse): ChatResponse {
  const choices = response.choices.map(({ parts, ...choice }) => {
    const texts = parts.filter((part) => part.type === 'text')
    const citations = texts.flatMap((part) => part.citations ?? [])
    const text: Part = { type: 'text', text: texts.map((part) => part.text).join(''), ...(citations.length > 0 && { citations }) }
    return { ...choice, parts: [...(texts.length > 0 ? [text] : []), ...parts.filter((part) => part.type !== 'text')] }
  })
  return { ...response, choices }
}

formatProperties({ format, make: (seed) => new ChatMaker(seed), kept })
