import type { NameRule } from '../shared/tool-names.ts'

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html */
export const NAME_RULE: NameRule = { right: /^[a-zA-Z0-9_-]{1,64}$/, wrong: /[^a-zA-Z0-9_-]/g, most: 64 }
