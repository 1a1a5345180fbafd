/** One block of an answer, in neither dialect's words. */
export type Block =
  | { type: 'text'; text: string; citation?: { url: string; title: string; quote: string } }
  | { type: 'reasoning'; text: string; signature: string }
  | { type: 'redacted'; data: string }
  | { type: 'tool'; id: string; name: string; arguments: string }
  | { type: 'refusal'; text: string }

/** Why the answer ends. */
export type ContentStop = 'stop' | 'length' | 'tools' | 'refusal' | 'filter' | 'sequence'

/** Tokens: `input` includes what came from or went into a cache, `output` includes reasoning. */
export interface ContentUsage {
  input: number
  output: number
  cacheRead?: number
  cacheWrite?: number
  reasoning?: number
}

/** An answer as data; each dialect renders it. */
export interface Content {
  blocks: readonly Block[]
  stop: ContentStop
  /** Absent: the provider does not report any. */
  usage?: ContentUsage | undefined
  /** Lengths of the pieces in which a stream delivers text; words where absent. */
  pieceLength?: number
}

/** The text of the plain answer, and what tests look for. */
export const PLAIN_TEXT = 'Hello! I am a fake provider, and this is a whole sentence.'
/** Text whose every piece has code points of two, three and four bytes. */
export const UNICODE_TEXT = 'Grüße aus Köln – 你好，世界 – مرحبا – 👩‍👩‍👧‍👦 und 🏳️‍🌈 – e\u0301 ∑ \u2028 \\ "quoted" </script>'
export const STRUCTURED_TEXT = '{"city":"Paris","temperature":21.5,"is_sunny":true,"tags":["warm","dry"]}'

const weather = (id: string, city: string): Block => ({
  type: 'tool',
  id,
  name: 'get_weather',
  arguments: JSON.stringify({ city, unit: 'celsius' }),
})
const thinking: Block = { type: 'reasoning', text: 'The user greets me, so I greet back.', signature: 'ZmFrZS1zaWduYXR1cmU=' }

/** A plain text answer. */
export function textContent(text: string): Content {
  return { blocks: [{ type: 'text', text }], stop: 'stop', usage: { input: 12, output: 15 } }
}

/** A call of a tool whose input is the structured text. */
export function structuredCall(name: string): Content {
  const call: Block = { type: 'tool', id: 'call_1', name, arguments: STRUCTURED_TEXT }
  return { blocks: [{ type: 'text', text: 'Here it is.' }, call], stop: 'tools', usage: { input: 12, output: 15 } }
}

/** Answers by model name. */
export const CONTENTS: Readonly<Record<string, Content>> = {
  text: textContent(PLAIN_TEXT),
  unicode: textContent(UNICODE_TEXT),
  structured: textContent(STRUCTURED_TEXT),
  empty: { blocks: [], stop: 'stop', usage: { input: 12, output: 0 } },
  length: { ...textContent('This answer was cut'), stop: 'length' },
  'stop-sequence': { ...textContent('One, two, '), stop: 'sequence' },
  'content-filter': { ...textContent('I was about to'), stop: 'filter' },
  refusal: { blocks: [{ type: 'refusal', text: 'I cannot help with that.' }], stop: 'refusal', usage: { input: 12, output: 6 } },
  cached: { ...textContent(PLAIN_TEXT), usage: { input: 1212, output: 15, cacheRead: 1000, cacheWrite: 200 } },
  tools: { blocks: [weather('call_1', 'Paris')], stop: 'tools', usage: { input: 40, output: 20 } },
  'text-and-tools': {
    blocks: [{ type: 'text', text: 'I look it up.' }, weather('call_1', 'Paris')],
    stop: 'tools',
    usage: { input: 40, output: 24 },
  },
  'tool-no-arguments': {
    blocks: [{ type: 'tool', id: 'call_1', name: 'get_time', arguments: '' }],
    stop: 'tools',
    usage: { input: 40, output: 8 },
  },
  'parallel-tools': {
    blocks: [weather('call_1', 'Paris'), weather('call_2', 'Rome'), weather('call_3', 'Zürich')],
    stop: 'tools',
    usage: { input: 40, output: 60 },
  },
  reasoning: {
    blocks: [thinking, { type: 'text', text: PLAIN_TEXT }],
    stop: 'stop',
    usage: { input: 12, output: 25, reasoning: 10 },
  },
  'reasoning-tools': {
    blocks: [thinking, weather('call_1', 'Paris')],
    stop: 'tools',
    usage: { input: 40, output: 32, reasoning: 10 },
  },
  'redacted-reasoning': {
    blocks: [
      { type: 'redacted', data: 'ZmFrZS1yZWRhY3RlZA==' },
      { type: 'text', text: PLAIN_TEXT },
    ],
    stop: 'stop',
    usage: { input: 12, output: 25 },
  },
  citations: {
    blocks: [
      {
        type: 'text',
        text: 'Paris is in France.',
        citation: { url: 'https://example.com/paris', title: 'Paris', quote: 'capital of France' },
      },
    ],
    stop: 'stop',
    usage: { input: 12, output: 8 },
  },
}

/** Text in the pieces of a stream: words, or equal lengths; joined they give the text back. */
export function pieces(text: string, length?: number): string[] {
  if (length === undefined) return text.match(/\s*\S+\s*$|\s*\S+/g) ?? []
  return Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length))
}
