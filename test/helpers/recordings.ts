import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type JsonObject, parseObject } from '../../core/canonical/json.ts'
import { encodeAwsFrame } from '../../core/stream/framing-aws.ts'

/** Where recorded answers are, beside this repository. */
export const RECORDINGS = join(import.meta.dirname, '../../../shared/fixtures/vercel-ai')

/** One recorded answer, as its provider sends it. */
export interface Recording {
  /** Its file; `#1` and on for the further answers of a file that holds several. */
  name: string
  /** The name of its dialect in the matrix. */
  dialect: string
  /** The provider that it is served as. */
  provider: string
  isStream: boolean
  status: number
  contentType: string
  bytes: Buffer
}

/** A recording that no chat client can be answered with, and why. */
export interface Unused {
  name: string
  reason: string
}

/** By folder: whose answers they are, unless the file's own words say another API. */
const FOLDERS: Readonly<Record<string, { provider: string; dialect: string }>> = {
  'amazon-bedrock': { provider: 'bedrock', dialect: 'bedrock-converse' },
  anthropic: { provider: 'anthropic', dialect: 'anthropic-messages' },
  azure: { provider: 'openai', dialect: 'openai-chat' },
  cohere: { provider: 'cohere', dialect: 'cohere-chat' },
  deepseek: { provider: 'openai', dialect: 'openai-chat' },
  google: { provider: 'gemini', dialect: 'gemini' },
  groq: { provider: 'groq', dialect: 'openai-chat' },
  mistral: { provider: 'mistral', dialect: 'openai-chat' },
  'open-responses': { provider: 'openai', dialect: 'openai-chat' },
  openai: { provider: 'openai', dialect: 'openai-chat' },
  'openai-compatible': { provider: 'openai', dialect: 'openai-chat' },
  perplexity: { provider: 'perplexity', dialect: 'openai-chat' },
  xai: { provider: 'xai', dialect: 'openai-chat' },
}

/** Names of what is recorded of other operations. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^google\/interactions\//, 'an answer of the Interactions API'],
  [/speech-translation/, 'a live translation of speech'],
  [/transcription/, 'a transcription'],
  [/rerank/, 'a ranking'],
  [/embedding/, 'an embedding'],
  [/\/skills\//, 'a skill'],
  [/^openai\/image\//, 'a generated image'],
]

/** Everything that is recorded; both are empty where the folder is absent. */
export function readRecordings(): { recordings: Recording[]; unused: Unused[] } {
  const recordings: Recording[] = []
  const unused: Unused[] = []
  if (!existsSync(RECORDINGS)) return { recordings, unused }
  const paths = readdirSync(RECORDINGS, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(json|txt|sse)$/.test(path))
  for (const name of paths.map((path) => relative('.', path)).sort()) {
    const other = OTHERS.find(([pattern]) => pattern.test(name))
    const folder = FOLDERS[name.split('/')[0] as string]
    if (other) unused.push({ name, reason: other[1] })
    else if (folder) recordings.push(...answersIn(name, folder))
    else unused.push({ name, reason: 'not of a chat provider' })
  }
  return { recordings, unused }
}

function answersIn(name: string, { provider, dialect: usual }: { provider: string; dialect: string }): Recording[] {
  const text = readFileSync(join(RECORDINGS, name), 'utf8')
  const isResponses = name.includes('/responses/') || /"type":\s*"response\.|"object":\s*"response"/.test(text)
  const dialect = name.includes('/completion/') ? 'openai-completions' : usual
  const shared = isResponses ? { dialect: 'openai-responses', provider: 'responses' } : { dialect, provider }
  if (name.endsWith('.json')) return [{ ...shared, name, isStream: false, status: statusOf(text), ...wholeOf(text) }]
  if (name.endsWith('.sse')) return [{ ...shared, name, isStream: true, status: 200, ...events(text) }]
  return splitAnswers(eventsOf(text), shared.dialect).map((answer, index) => ({
    ...shared,
    name: index === 0 ? name : `${name}#${index}`,
    isStream: true,
    status: 200,
    ...framed(answer, shared.dialect),
  }))
}

function wholeOf(text: string): Pick<Recording, 'contentType' | 'bytes'> {
  return { contentType: 'application/json', bytes: Buffer.from(text) }
}

function events(text: string): Pick<Recording, 'contentType' | 'bytes'> {
  return { contentType: 'text/event-stream', bytes: Buffer.from(text) }
}

/** Failures are recorded without their status. */
function statusOf(text: string): number {
  const { error } = JSON.parse(text) as { error?: { code?: unknown } | null }
  if (!error) return 200
  return typeof error.code === 'number' ? error.code : error.code === 'insufficient_quota' ? 429 : 400
}

/** The JSON of each event; some are written over several lines. */
function eventsOf(text: string): string[] {
  const found: string[] = []
  let open = ''
  for (const line of text.split('\n')) {
    open += line
    if (open.trim() === '' || parseObject(open)) {
      if (open.trim() !== '') found.push(open)
      open = ''
    }
  }
  return found
}

/** How the last event of an answer looks, where a file may hold several answers. */
const LAST: Readonly<Record<string, RegExp>> = {
  'anthropic-messages': /"type":\s*"message_stop"/,
  'openai-responses': /"type":\s*"response\.(?:completed|incomplete|failed)"/,
}

function splitAnswers(all: readonly string[], dialect: string): string[][] {
  const last = LAST[dialect]
  const answers: string[][] = [[]]
  for (const event of all) {
    answers.at(-1)?.push(event)
    if (last?.test(event)) answers.push([])
  }
  return answers.filter((answer) => answer.length > 0)
}

function framed(answer: readonly string[], dialect: string): Pick<Recording, 'contentType' | 'bytes'> {
  if (dialect === 'bedrock-converse') return binary(answer)
  if (dialect === 'gemini') return events(answer.map((data) => `data: ${data}\r\n\r\n`).join(''))
  if (dialect === 'openai-chat' || dialect === 'openai-completions')
    return events(`${answer.map((data) => `data: ${data}\n\n`).join('')}data: [DONE]\n\n`)
  const typed = answer.map((data) => `event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`)
  return events(typed.join(''))
}

/** A line is one event: `{type: payload}`. */
function binary(answer: readonly string[]): Pick<Recording, 'contentType' | 'bytes'> {
  const frames = answer.map((line) => {
    const [entry] = Object.entries(JSON.parse(line) as JsonObject)
    return encodeAwsFrame({ event: entry?.[0], data: JSON.stringify(entry?.[1]) })
  })
  return { contentType: 'application/vnd.amazon.eventstream', bytes: Buffer.concat(frames) }
}
