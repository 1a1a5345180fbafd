/** What a client asks, in no dialect's words. */
export interface Question {
  /** `provider/model`. */
  model: string
  text: string
  /** A PNG, base64. */
  image?: string
  /** A PDF, base64. */
  document?: string
  /** One tool, `get_weather`. */
  hasTools?: boolean
  /** The conversation goes on after a call of that tool with this result. */
  result?: string
  hasSchema?: boolean
  thinks?: boolean
}

/** What a client's own package made of an answer. */
export interface Told {
  text: string
  /** Name and arguments of each call, parsed. */
  calls: [string, unknown][]
  stop: 'stop' | 'length' | 'tools' | 'filter' | 'other'
  usage: { input: number; output: number } | undefined
  thoughts: string
  /** HTTP status and message, where it failed instead. `isMidStream`: after the first content. */
  error?: { status: number | undefined; message: string; isMidStream: boolean }
}

/** Addresses of the gateway. */
export interface Places {
  url: string
  /** HTTP/2 without TLS. */
  http2Url: string
}

/** An official client of one dialect, before the gateway. Failures are told, not thrown. */
export interface Client {
  /** The dialect's name in the matrix. */
  name: string
  /** What its dialect cannot ask, by the case's name. */
  limits?: Readonly<Record<string, string>>
  /** Ends connections that would be kept. */
  close?(): void
  /** `onHeard` gets everything that the package handed out: each event of a stream, and the whole answer. */
  ask(question: Question, isStream: boolean, onHeard?: Heard): Promise<Told>
}

/** Takes what a package handed out, as it is. */
export type Heard = (value: unknown) => void

/** The tool, as JSON schema. */
export const TOOL = {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' as const }, unit: { type: 'string' as const } },
    required: ['city'],
  },
}
/** The form that answers are asked for in. */
export const ANSWER_SCHEMA = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const }, temperature: { type: 'number' as const } },
  required: ['city', 'temperature'],
  additionalProperties: false,
}

/** An answer of which nothing was heard. */
export function silence(): Told {
  return { text: '', calls: [], stop: 'other', usage: undefined, thoughts: '' }
}

/** Runs a question; what is thrown becomes an error beside what was heard until then. */
export async function listen(work: (told: Told) => Promise<void>): Promise<Told> {
  const told = silence()
  try {
    await work(told)
    return told
  } catch (error) {
    const { status, $metadata, statusCode } = error as { status?: number; statusCode?: number; $metadata?: { httpStatusCode?: number } }
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return { ...told, error: { status: status ?? statusCode ?? $metadata?.httpStatusCode, message, isMidStream: told.text !== '' } }
  }
}
