import type { NamedByPath } from '../../../core/format.ts'

/** The end of the paths of Converse, ConverseStream and CountTokens. */
const PATH = /\/model\/(.+)\/(converse|converse-stream|count-tokens)$/

/** Model and streaming, which these paths name: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax */
export function readPath(path: string): NamedByPath | undefined {
  const [, written, method] = PATH.exec(path) ?? []
  if (written === undefined) return undefined
  try {
    const model = decodeURIComponent(written)
    if (method === 'count-tokens') return { model, stream: false, operation: 'count_tokens', format: 'bedrock-count-tokens' }
    return { model, stream: method === 'converse-stream' }
  } catch {
    return undefined
  }
}
