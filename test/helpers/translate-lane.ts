import { expect } from 'vitest'
import { Deadlines, systemClock } from '../../core/deadlines.ts'
import { ExtraFields } from '../../core/extra-fields.ts'
import { TranslateLane, type TranslateOptions } from '../../core/stream/translate.ts'

/** What a lane needs to be told of the stream it translates. */
export type LaneSetup = Pick<TranslateOptions, 'source' | 'target'> & Partial<TranslateOptions>

/** The facts of a request that nothing is asked of. */
export const factsOf = (provider: string): ExtraFields =>
  new ExtraFields({ requestType: 'chat_completion_stream', provider, originalModel: 'm', resolvedModel: 'm' }, 0)

/** What a client gets of a stream that comes in these reads, and that ends without an error. */
export function translated(reads: readonly Uint8Array[], setup: LaneSetup): Buffer {
  const written: Buffer[] = []
  const write = (bytes: string | Uint8Array): void => void written.push(Buffer.from(bytes as string))
  const lane = new TranslateLane({
    live: { write, commit() {}, now: () => 0, deadlines: new Deadlines(systemClock) },
    extra: undefined,
    extraOnAll: false,
    sendsRaw: false,
    wantsUsage: false,
    hidesUsage: false,
    stages: [],
    reply: { id: 'r1', created: 1, model: 'm', streamUsage: true },
    carry: undefined,
    explain: (error) => error as never,
    finish: (error, closing = '') => {
      expect(error).toBeUndefined()
      write(closing)
    },
    onBusy() {},
    ...setup,
  })
  for (const read of reads) lane.data(read as Buffer)
  lane.end()
  return Buffer.concat(written)
}
