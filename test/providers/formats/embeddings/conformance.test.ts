import { formats } from '../../../../providers/formats/index.ts'
import { type OperationCase, operationConformance } from '../../../conformance/operation.ts'

const inPath: Record<string, OperationCase> = { '*': { model: 'm', method: 'batchEmbedContents' } }
const titan: OperationCase = { model: 'amazon.titan-embed-text-v2:0' }
const cohere: OperationCase = { model: 'cohere.embed-english-v3' }
const CASES: Readonly<Record<string, Record<string, OperationCase>>> = {
  'openai-embeddings': {},
  'cohere-embed': {},
  'gemini-embed': inPath,
  'vertex-embed': inPath,
  'bedrock-embed': { text: titan, image: titan, several: cohere, types: cohere, titan },
}

for (const [name, cases] of Object.entries(CASES)) {
  const format = formats.find((each) => each.name === name)
  if (!format) throw new Error(`there is no format ${name}`)
  operationConformance(format, 'embedding', cases)
}
