import type { NamedByPath } from '../../../core/format.ts'

/** The end of the paths of InvokeModel and InvokeModelWithResponseStream. */
const PATH = /\/model\/(.+)\/invoke(-with-response-stream)?$/

/** Model and streaming, which these paths name. */
export function readPath(path: string): NamedByPath | undefined {
  const [, written, streaming] = PATH.exec(path) ?? []
  if (written === undefined) return undefined
  try {
    return { model: decodeURIComponent(written), stream: streaming !== undefined }
  } catch {
    return undefined
  }
}
