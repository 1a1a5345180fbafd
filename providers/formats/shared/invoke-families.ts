import { isObject } from '../../../core/canonical/json.ts'

/** Families of bodies that InvokeModel takes, by who makes the models; `mistral-chat` and `openai` are lists of messages. */
export type InvokeFamily =
  | 'claude'
  | 'claude-prompt'
  | 'nova'
  | 'titan'
  | 'llama'
  | 'mistral'
  | 'mistral-chat'
  | 'cohere'
  | 'deepseek'
  | 'openai'

/** Reads a top-level field of a body; undefined where it is absent. */
export type ReadField = (name: string) => unknown

type Maker = readonly [id: RegExp, family: InvokeFamily, other?: readonly [field: string, family: InvokeFamily]]

/** Makers and models by their ids. Some makers' models take another body too, told by a field: a prompt, or messages as OpenAI's. */
const MAKERS: readonly Maker[] = [
  [/(?:^|[./])anthropic\./i, 'claude', ['prompt', 'claude-prompt']],
  [/(?:^|[./])amazon\.nova/i, 'nova'],
  [/(?:^|[./])amazon\.titan-t(?:ext|g1)/i, 'titan'],
  [/(?:^|[./])meta\./i, 'llama'],
  [/(?:^|[./])mistral\./i, 'mistral', ['messages', 'mistral-chat']],
  [/(?:^|[./])cohere\./i, 'cohere'],
  [/(?:^|[./])deepseek\./i, 'deepseek', ['messages', 'openai']],
  [/(?:^|[./])(?:ai21|google|minimax|moonshot|moonshotai|nvidia|openai|qwen|writer|zai)\./i, 'openai'],
]

/**
 * The family that a model's id of Bedrock names, behind a region (`us.meta.llama3-...`) or in the ARN of a profile; undefined where it
 * names none, as that of another provider's model, of an application's own profile, of an imported model.
 */
export function familyOfModel(model: string, read: ReadField): InvokeFamily | undefined {
  const [, family, other] = MAKERS.find(([id]) => id.test(model)) ?? []
  return other && read(other[0]) !== undefined ? other[1] : family
}

/** Fields of which every body has one. */
export const SHAPES: readonly string[] = ['messages', 'prompt', 'inputText', 'message']

/** The family whose shape a body has; undefined where it has none's. */
export function familyOfBody(read: ReadField): InvokeFamily | undefined {
  const has = (...names: string[]): boolean => names.some((name) => read(name) !== undefined)
  if (has('inputText')) return 'titan'
  if (has('messages')) return familyOfMessages(read, has)
  if (has('message')) return 'cohere'
  if (!has('prompt')) return undefined
  if (has('max_tokens_to_sample')) return 'claude-prompt'
  const prompt = read('prompt')
  if (typeof prompt === 'string' && prompt.includes('<｜')) return 'deepseek'
  return has('max_tokens', 'stop', 'top_k') && !has('max_gen_len') ? 'mistral' : 'llama'
}

function familyOfMessages(read: ReadField, has: (...names: string[]) => boolean): InvokeFamily {
  if (has('anthropic_version')) return 'claude'
  if (has('schemaVersion', 'inferenceConfig', 'toolConfig')) return 'nova'
  const system = read('system')
  const blocks = [...blocksIn(read('messages')), ...(Array.isArray(system) ? system.filter(isObject) : [])]
  // Converse's blocks, which are Nova's, are named by their one field and not by a type.
  if (blocks.length > 0 && blocks.every(({ type }) => type === undefined)) return 'nova'
  return has('system', 'stop_sequences', 'thinking') ? 'claude' : 'openai'
}

function blocksIn(messages: unknown): { type?: unknown }[] {
  if (!Array.isArray(messages)) return []
  return messages.flatMap((message: unknown) =>
    isObject(message) && Array.isArray(message.content) ? message.content.filter(isObject) : [],
  )
}
