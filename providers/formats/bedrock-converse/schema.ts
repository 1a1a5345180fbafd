import type { ChatRequest } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { answerTool } from '../shared/answer-tool.ts'
import type { ModelTraits } from '../shared/claude-thinking.ts'
import { encodeResponseFormat } from '../shared/closed-schema.ts'
import type { ToolNames } from '../shared/tool-names.ts'
import { NAME_RULE } from './names.ts'

/** How the form of an answer is asked for: by a field of the model's own, or by a tool whose input is the answer. */
export interface AnswerForm {
  /** Claude's `output_config.format`. */
  format?: JsonObject | undefined
  tool?: { name: string; spec: JsonObject } | undefined
}

/** The form of an answer: newer Claude models take the schema, for all others it is a tool that they are told to call. */
export function encodeAnswerForm({ responseFormat }: ChatRequest, traits: ModelTraits, names: ToolNames): AnswerForm {
  if (!responseFormat || responseFormat.type === 'text') return {}
  if (traits.takesSchema) return { format: encodeResponseFormat(responseFormat) }
  const { name, description, schema } = answerTool(responseFormat, new Set(names.values()), NAME_RULE)
  return { tool: { name, spec: { name, description, inputSchema: { json: schema } } } }
}
