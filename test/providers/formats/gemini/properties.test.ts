import type { ChatRequest, ChatResponse, Part, Tool } from '../../../../core/canonical/chat.ts'
import { type JsonObject, withoutUndefined } from '../../../../core/canonical/json.ts'
import type { Stop } from '../../../../core/canonical/stop.ts'
import { format } from '../../../../providers/formats/gemini/index.ts'
import { formatProperties } from '../../../conformance/properties.ts'
import { Maker } from '../../../helpers/canonical.ts'

const NAME = 'gemini'

class GeminiMaker extends Maker {
  signed = () => this.maybe(() => 'c2ln')
  bytes = (mediaType: string) => ({ kind: 'data' as const, mediaType, data: this.one('AAAA', 'AA==') })

  image = (): Part =>
    withoutUndefined<Part>({ type: 'image', source: this.bytes('image/png'), extra: this.maybe(() => ({ [NAME]: { ofNextYear: 1 } })) })
  thought = (): Part => withoutUndefined<Part>({ type: 'reasoning', text: this.text(), signature: this.signed(), signedBy: 'google' })
  called = (): Part => this.call(withoutUndefined({ signature: this.signed() }))
  /** Code that Google runs, and what came of it. */
  run = (): Part[] => {
    const [id, code] = [this.id('code'), this.text()]
    const isError = this.chance()
    const output = this.text()
    const outcome = isError ? 'OUTCOME_FAILED' : 'OUTCOME_OK'
    const wire: JsonObject = { executableCode: { id, language: 'PYTHON', code } }
    const result: JsonObject = { codeExecutionResult: { id, outcome, output } }
    const name = 'code_execution'
    return [
      { type: 'tool-call', kind: 'server', id, name, arguments: JSON.stringify({ code }), extra: { [NAME]: wire } },
      { type: 'tool-result', kind: 'server', id, name, parts: [{ type: 'text', text: output }], isError, extra: { [NAME]: result } },
    ]
  }

  /** What a model says, in any order; pieces of one kind that follow each other are one. */
  said = (): Part[] => {
    const parts = this.some(
      () =>
        this.one<() => Part[]>(
          () => [this.textPart()],
          () => [this.thought()],
          () => [this.called()],
          () => [this.image()],
          this.run,
          () => [{ type: 'opaque', format: NAME, value: { ofNextYear: this.json() } }],
        )(),
      4,
    ).flat()
    return parts.filter(({ type }, index) => !(type === 'text' || type === 'reasoning') || parts[index - 1]?.type !== type)
  }
  /** Of thoughts those that are signed go back. */
  sent = (): Part[] => [
    this.textPart(),
    ...this.said().filter((part) => part.type !== 'text' && (part.type !== 'reasoning' || part.signature)),
  ]

  media = (): Part =>
    this.one<() => Part>(
      this.image,
      () => ({ type: 'audio', source: this.bytes('audio/wav') }),
      () => ({ type: 'document', source: this.bytes('application/pdf') }),
      () => ({ type: 'document', source: { kind: 'url', url: 'https://a.example/d', mediaType: 'video/mp4' } }),
    )()
  /** Results first, then what is asked. */
  asked = (): Part[] => {
    const results = this.unanswered.splice(0).map(({ id, name }): Part => {
      const json: Part = { type: 'text', text: JSON.stringify(this.json()) }
      const [said, isError] = this.one<[Part, boolean]>([json, false], [this.textPart(), false], [this.textPart(), true])
      return { type: 'tool-result', id, name, parts: [said], ...(isError && { isError }) }
    })
    return [...results, ...this.some(() => (this.chance() ? this.media() : this.textPart()), 3)]
  }

  tools = (): Tool[] => {
    const tool = (name: string): Tool =>
      withoutUndefined<Tool>({
        kind: 'function',
        name,
        description: this.maybe(this.text),
        parameters: this.maybe(this.json),
        extra: this.maybe(() => ({ [NAME]: { behavior: 'BLOCKING' } })),
      })
    const search: Tool = { kind: 'server', name: 'web_search', format: NAME, value: { googleSearch: this.json() } }
    return [tool('f'), ...this.some(() => tool('g_h'), 1, 0), ...this.some(() => search, 1, 0)]
  }

  request = (): ChatRequest =>
    withoutUndefined<ChatRequest>({
      model: 'gemini-2.5-pro',
      messages: [
        ...(this.chance() ? [{ role: 'system' as const, parts: this.some(this.textPart, 2) }] : []),
        ...this.talk({ asked: this.asked, said: this.sent }),
      ],
      stream: this.chance(),
      ...this.settings(),
      topK: this.maybe(() => 3),
      stop: this.maybe(() => this.some(this.text, 3)),
      seed: this.maybe(() => 7),
      presencePenalty: this.maybe(() => 0.25),
      frequencyPenalty: this.maybe(() => 1),
      logprobs: this.maybe(() => true),
      topLogprobs: this.maybe(() => 2),
      choices: this.maybe(() => 2),
      tools: this.tools(),
      toolChoice: this.maybe(() =>
        this.one<ChatRequest['toolChoice']>(
          { mode: 'auto' },
          { mode: 'required' },
          { mode: 'none' },
          { mode: 'tool', name: 'f' },
          { mode: 'allowed', names: ['f', 'g_h'], required: this.chance() },
        ),
      ),
      reasoning: this.maybe(() =>
        this.one<ChatRequest['reasoning']>({ budgetTokens: 2048 }, { budgetTokens: -1 }, { budgetTokens: 2048, display: 'omitted' }),
      ),
      responseFormat: this.maybe(() =>
        this.one<ChatRequest['responseFormat']>({ type: 'json-object' }, { type: 'json-schema', name: 'answer', schema: this.json() }),
      ),
      modalities: this.maybe(() => ['text', 'image']),
      serviceTier: this.maybe(() => this.one('default', 'flex', 'priority')),
      extra: this.maybe(() => ({ [NAME]: { labels: { a: 'b' }, generationConfig: { ofNextYear: this.json() } } })),
    })

  response = (): ChatResponse => {
    const value = { promptTokenCount: 3, candidatesTokenCount: this.one(1, 40), thoughtsTokenCount: 2, cachedContentTokenCount: 1 }
    const usage = {
      inputTokens: 3,
      outputTokens: value.candidatesTokenCount + 2,
      cacheReadTokens: 1,
      reasoningTokens: 2,
      raw: { format: NAME, value },
    }
    const choices = this.some(this.said, 2).map((parts, index) => {
      const waits = parts.some((part) => part.type === 'tool-call' && part.kind === undefined)
      const stop = this.one<Stop>(
        { reason: waits ? 'tool-calls' : 'stop', raw: 'STOP' },
        { reason: 'length', raw: 'MAX_TOKENS' },
        { reason: 'content-filter', raw: 'SAFETY' },
      )
      return withoutUndefined({ index, parts, stop, extra: this.maybe(() => ({ [NAME]: { safetyRatings: [this.json()] } })) })
    })
    return { id: 'r_1', model: 'gemini', choices, usage }
  }
}

/** Parts have no places here: a text goes on behind the calls that were whole before it ended, and calls come as they get whole. */
function kept(response: ChatResponse): ChatResponse {
  const choices = response.choices.map(({ parts, ...choice }) => {
    const told = parts.filter((part) => part.type === 'text').map((part) => part.text)
    const calls = parts.filter((part) => part.type === 'tool-call').sort((one, other) => one.id.localeCompare(other.id))
    const others = parts.filter((part) => part.type !== 'text' && part.type !== 'tool-call')
    return { ...choice, parts: [{ type: 'text' as const, text: told.join('') }, ...calls, ...others] }
  })
  return { ...response, choices }
}

formatProperties({ format, make: (seed) => new GeminiMaker(seed), named: { model: 'gemini-2.5-pro' }, kept })
