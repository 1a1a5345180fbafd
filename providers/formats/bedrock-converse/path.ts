import type { NamedByPath } from '../../../core/format.ts'

/** The end of the paths of Converse and ConverseStream. */
const PATH = /\/model\/(.+)\/converse(-stream)?$/

/** Model and streaming, which these paths name: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax */
export function readPath(path: string): NamedByPath | undefined {
  const [, written, streaming] = PATH.exec(path) ?? []
  if (written === undefined) return undefined
  try {
    return { model: decodeURIComponent(written), stream: streaming !== undefined }
  } catch {
    return undefined
  }
}
