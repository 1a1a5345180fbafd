import { passesBeta } from '../../../core/beta-flags.ts'
import type { ChatRequest } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Carry, EncodeOptions } from '../../../core/format.ts'
import { answerTool } from '../shared/answer-tool.ts'
import type { ModelTraits } from '../shared/claude-thinking.ts'
import { encodeResponseFormat } from '../shared/closed-schema.ts'
import type { NameRule } from '../shared/tool-names.ts'
import { BETAS } from './beta.ts'

/** https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use */
const NAME_RULE: NameRule = { right: /^[a-zA-Z0-9_-]{1,64}$/, wrong: /[^a-zA-Z0-9_-]/g, most: 64 }

/** How the form of an answer is asked for: by `output_config.format`, or by a tool whose input is the answer. */
export interface AnswerForm {
  format?: JsonObject | undefined
  tool?: { name: string; definition: JsonObject } | undefined
}

/** Whether who serves the model takes schemas, of answers and of strict tools: its name is not of the older ones, and the beta flag passes. */
export function takesSchema(model: ModelTraits, { betas }: EncodeOptions): boolean {
  return !model.lacksSchema && (betas === undefined || passesBeta(betas, BETAS.structuredOutputs))
}

/** The form of an answer; nothing for free text. */
export function encodeAnswerForm({ responseFormat, tools = [] }: ChatRequest, isTaken: boolean): AnswerForm {
  if (!responseFormat || responseFormat.type === 'text') return {}
  if (isTaken) return { format: encodeResponseFormat(responseFormat) }
  const { name, description, schema } = answerTool(responseFormat, new Set(tools.map((tool) => tool.name)), NAME_RULE)
  return { tool: { name, definition: { name, description, input_schema: schema } } }
}

/** The tool that stood for the answer, as the request left it behind. */
export function readAnswer(carry: Carry | undefined): string | undefined {
  return typeof carry?.answer === 'string' ? carry.answer : undefined
}
