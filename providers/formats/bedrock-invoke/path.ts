import type { NamedByPath } from '../../../core/format.ts'

/** The end of the paths of InvokeModel and InvokeModelWithResponseStream. */
const PATH = /\/model\/(.+)\/invoke(-with-response-stream)?$/

/** Model and streaming, which these paths name. */
export function readPath(path: string): NamedByPath | undefined {
  const [, written, streaming] = PATH.exec(path) ?? []
  if (written === undefined) return undefined
  try {
    const model = decodeURIComponent(written)
    // Ids of embedding models say so, wherever they are served.
    const embeds = streaming === undefined && /embed/i.test(model)
    return { model, stream: streaming !== undefined, ...(embeds && { operation: 'embedding', format: 'bedrock-embed' }) }
  } catch {
    return undefined
  }
}
