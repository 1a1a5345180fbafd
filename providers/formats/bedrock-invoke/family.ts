import type { StreamPart } from '../../../core/canonical/chat.ts'
import type { JsonObject } from '../../../core/canonical/json.ts'
import type { Fold } from '../../../core/fold.ts'
import type { DecodedRequest, Frame, Inbound } from '../../../core/format.ts'

/** The name of this format, and of its corner in every `extra`. */
export const NAME = 'bedrock-invoke'

/** What the path says, which rules over the body. */
export interface Named {
  model: string
  stream: boolean
}

/** How one family's models are asked and answer, behind the paths, errors and events that all share. */
export interface Family {
  decodeRequest(body: JsonObject, named: Named): DecodedRequest
  encodeResponse: Inbound['encodeResponse']
  /** Events whose data is what a chunk holds; the last one is written when the answer is whole, and gets the metrics. */
  encodeStream: Fold<StreamPart, Frame>
}
