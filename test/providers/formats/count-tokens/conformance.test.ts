import { formats } from '../../../../providers/formats/index.ts'
import { operationConformance } from '../../../conformance/operation.ts'

const inBody = ['openai-input-tokens', 'anthropic-count-tokens', 'cohere-tokenize']
for (const name of [...inBody, 'gemini-count-tokens', 'vertex-count-tokens', 'bedrock-count-tokens']) {
  const format = formats.find((each) => each.name === name)
  if (!format) throw new Error(`there is no format ${name}`)
  operationConformance(format, 'count_tokens', inBody.includes(name) ? {} : { '*': { model: 'm' } })
}
