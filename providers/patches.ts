type Body = Record<string, unknown>
type Patch = (body: Body) => readonly string[]

/** Longest `user` that OpenAI-compatible providers take, in characters. */
const MAX_USER_LENGTH = 64

/** Runs patches one after the other; the names they dropped together. */
export function patches(...list: readonly Patch[]): Patch {
  return (body) => list.flatMap((patch) => patch(body))
}

/** Leaves out a `user` that is too long: the provider would refuse the request for a hint. */
export function dropLongUser(body: Body): readonly string[] {
  const { user } = body
  return typeof user === 'string' && user.length > MAX_USER_LENGTH ? drop(body, ['user']) : []
}

/** Mistral takes a named tool only as "any": some tool must be called. https://docs.mistral.ai/api */
export function anyToolChoice(body: Body): readonly string[] {
  if (typeof body.tool_choice === 'object' && body.tool_choice !== null) body.tool_choice = 'any'
  return []
}

/**
 * Grok models that reason refuse presence_penalty; all but grok-3 also frequency_penalty and stop; and only grok-3-mini
 * takes an effort. https://docs.x.ai/docs/guides/reasoning
 */
export function grokReasoning(body: Body): readonly string[] {
  const model = String(body.model ?? '')
  if (!isGrokReasoning(model)) return []
  const isMini = model.includes('grok-3-mini')
  const isPlainThree = model.includes('grok-3') && !isMini
  return drop(body, ['presence_penalty', ...(isPlainThree ? [] : ['frequency_penalty', 'stop']), ...(isMini ? [] : ['reasoning_effort'])])
}

function isGrokReasoning(model: string): boolean {
  if (model.includes('non-reasoning')) return false
  return /grok-(3|4|code)/.test(model)
}

function drop(body: Body, names: readonly string[]): readonly string[] {
  const present = names.filter((name) => body[name] !== undefined)
  for (const name of present) delete body[name]
  return present
}
