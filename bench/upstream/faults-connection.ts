import { type Answer, type Ask, answer, PLAIN, wholeAnswer } from './answers.ts'
import { EVENT_STREAM, head, JSON_TYPE } from './wire.ts'

/** Faults of the connection before or after an answer. Rows 5 to 8 of faults.md, and what a reused connection can meet. */
export const CONNECTION_FAULTS: Readonly<Record<string, Answer>> = {
  silent: () => [{ hang: true }],
  'head-then-silent': (ask) => [
    { write: ask.isStream ? head(200, EVENT_STREAM) : head(200, [JSON_TYPE, ['content-length', '100']]) },
    { hang: true },
  ],
  'half-head-then-silent': () => [{ write: Buffer.from('HTTP/1.1 200 OK\r\ncontent-ty') }, { hang: true }],
  'rst-before-head': () => [{ rst: true }],
  'fin-before-head': () => [{ fin: true }],
  'fin-mid-head': () => [{ write: Buffer.from('HTTP/1.1 200 OK\r\ncontent-ty') }, { fin: true }],
  'rst-if-reused': (ask) => (ask.served > 0 ? [{ rst: true }] : answer(ask, PLAIN)),
  'fin-if-reused': (ask) => (ask.served > 0 ? [{ fin: true }] : answer(ask, PLAIN)),
  'rst-first': (ask) => (isFirst(ask) ? [{ rst: true }] : answer(ask, PLAIN)),
  'fin-after-answer': (ask) => [...answer(ask, PLAIN), { fin: true }],
  'rst-after-answer': (ask) => [...answer(ask, PLAIN), { rst: true }],
  'unread-after-answer': (ask) => [
    ...answer(ask, PLAIN),
    { wait: 5 },
    { write: Buffer.from('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n') },
  ],
  'connection-close': (ask) => [
    {
      write: Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\n'),
        wholeAnswer(ask, PLAIN).subarray('HTTP/1.1 200 OK\r\n'.length),
      ]),
    },
    { fin: true },
  ],
  'keep-alive-timeout': (ask) => [
    {
      write: Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\n'),
        wholeAnswer(ask, PLAIN).subarray('HTTP/1.1 200 OK\r\n'.length),
      ]),
    },
  ],
  'rst-mid-body': (ask) => [{ write: wholeAnswer(ask, PLAIN).subarray(0, -40) }, { wait: 5 }, { rst: true }],
  'fin-mid-body': (ask) => [{ write: wholeAnswer(ask, PLAIN).subarray(0, -40) }, { fin: true }],
  'stall-mid-body': (ask) => [{ write: wholeAnswer(ask, PLAIN).subarray(0, -40) }, { hang: true }],
}

function isFirst(ask: Ask): boolean {
  const seen = (ask.state.counts.get(ask.model) ?? 0) + 1
  ask.state.counts.set(ask.model, seen)
  return seen === 1
}
