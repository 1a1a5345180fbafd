import { defineFormat, type Format, type Inbound, type Lens } from '../../../core/format.ts'
import type { Scan } from '../../../core/scan.ts'
import { format as chat } from './index.ts'

/**
 * OpenAI's chat for Cursor, which asks newer models with bodies of the Responses API on the route of chats, and reads chats. For clients
 * alone. `responses`: that API.
 */
export function cursorFormat(responses: Format): Format {
  const { inbound } = chat
  if (!inbound || !responses.inbound) throw new Error('Cursor is answered by dialects with client sides')
  const sides = { chat: inbound, responses: responses.inbound }
  return defineFormat({
    ...chat,
    name: 'cursor-chat',
    inbound: { ...inbound, decodeRequest: (body) => sideOf(sides, body).decodeRequest(body) },
    outbound: undefined,
    lens: { ...chat.lens, ...bodyLens(chat.lens, responses.lens) },
  })
}

function sideOf(sides: { chat: Inbound; responses: Inbound }, { input, messages }: { input?: unknown; messages?: unknown }): Inbound {
  return input !== undefined && messages === undefined ? sides.responses : sides.chat
}

/** What of a lens depends on which body it is. */
function bodyLens(chatLens: Lens, responses: Lens): Pick<Lens, 'texts' | 'maxOutputTokens' | 'messageCount'> {
  const of = ({ spans }: Scan): Lens => (spans.has('input') && !spans.has('messages') ? responses : chatLens)
  return {
    texts: (scan) => of(scan).texts(scan),
    maxOutputTokens: (scan) => of(scan).maxOutputTokens(scan),
    messageCount: (scan) => of(scan).messageCount(scan),
  }
}
