import { formats } from '../../../../providers/formats/index.ts'
import { operationConformance } from '../../../conformance/operation.ts'

for (const name of ['rerank', 'text-rerank', 'cohere-rerank', 'bedrock-rerank', 'vertex-rank']) {
  const format = formats.find((each) => each.name === name)
  if (!format) throw new Error(`there is no format ${name}`)
  operationConformance(format, 'rerank', name === 'bedrock-rerank' ? { '*': { model: 'm' } } : {})
}
