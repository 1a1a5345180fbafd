import { PLAIN_TEXT, STRUCTURED_TEXT } from '../../bench/upstream/contents.ts'
import type { Question, Told } from './client.ts'

/** The formats that providers speak, by a provider of each. */
export const PROVIDERS = ['openai', 'anthropic', 'gemini', 'bedrock', 'cohere'] as const
/** One of them. */
export type ProviderName = (typeof PROVIDERS)[number]

/** One column of the matrix: what is asked, and what of the answer must arrive. */
export interface MatrixCase {
  name: string
  /** Of the fake provider. */
  model: string
  question: Omit<Question, 'model'>
  told: Expected
  /** Where the provider's own dialect says less, or otherwise. */
  but?: Partial<Record<ProviderName, Expected | Limit>>
  isStreamOnly?: boolean
}

/** What must be told; fields that are absent are not looked at. */
export type Expected = Partial<Omit<Told, 'error'>> & { status?: number; isMidStream?: boolean }

/** What a format cannot express: named in the matrix, and refused with this word in the message. */
export interface Limit {
  limit: string
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const SHORT = { input: 12, output: 15 }
const call = (city: string): [string, unknown] => ['get_weather', { city, unit: 'celsius' }]
const calls = { text: '', stop: 'tools' } as const

/** All columns of the matrix. */
export const CASES: readonly MatrixCase[] = [
  { name: 'text', model: 'text', question: { text: 'hello' }, told: { text: PLAIN_TEXT, stop: 'stop', usage: SHORT, calls: [] } },
  {
    name: 'tools',
    model: 'tools',
    question: { text: 'hello', hasTools: true },
    told: { ...calls, calls: [call('Paris')], usage: { input: 40, output: 20 } },
  },
  {
    name: 'parallel tools',
    model: 'parallel-tools',
    question: { text: 'hello', hasTools: true },
    told: { ...calls, calls: [call('Paris'), call('Rome'), call('Zürich')], usage: { input: 40, output: 60 } },
  },
  {
    name: 'tool result',
    model: 'tools',
    question: { text: 'hello', hasTools: true, result: 'sunny' },
    told: { text: 'The tool said: sunny', stop: 'stop', usage: SHORT },
  },
  {
    name: 'image',
    model: 'image-echo',
    question: { text: 'what?', image: PIXEL },
    told: { text: `[image image/png ${PIXEL.length} characters] what?`, stop: 'stop' },
    but: { bedrock: { text: `[image ${PIXEL.length} characters] what?`, stop: 'stop' } },
  },
  {
    name: 'document',
    model: 'text',
    question: { text: 'sum up', document: Buffer.from('%PDF-1.4 a').toString('base64') },
    told: { text: PLAIN_TEXT, stop: 'stop' },
    but: { cohere: { limit: 'no PDF' } },
  },
  {
    name: 'reasoning',
    model: 'reasoning',
    question: { text: 'hello', thinks: true },
    told: { text: PLAIN_TEXT, thoughts: 'The user greets me, so I greet back.', stop: 'stop', usage: { input: 12, output: 25 } },
  },
  {
    name: 'structured output',
    model: 'structured',
    question: { text: 'hello', hasSchema: true },
    told: { text: STRUCTURED_TEXT, stop: 'stop', usage: SHORT },
  },
  {
    name: 'refusal',
    model: 'refusal',
    question: { text: 'hello' },
    told: { text: 'I cannot help with that.', usage: { input: 12, output: 6 } },
    // These stop without a word.
    but: { gemini: { text: '', stop: 'filter' }, bedrock: { text: '', stop: 'filter' } },
  },
  {
    name: 'length stop',
    model: 'length',
    question: { text: 'hello' },
    told: { text: 'This answer was cut', stop: 'length', usage: SHORT },
  },
  { name: 'error', model: 'fault-404', question: { text: 'hello' }, told: { status: 404 } },
  { name: 'mid-stream error', model: 'fault-error-mid', question: { text: 'hello' }, told: { isMidStream: true }, isStreamOnly: true },
]
