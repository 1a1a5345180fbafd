import { type Answer, type Ask, answer, eventsOf, PLAIN, refused, streamed, wholeAnswer } from './answers.ts'
import type { Step } from './script.ts'
import { EVENT_STREAM, type HeaderLines, head, JSON_TYPE, whole } from './wire.ts'

const HTML = '<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>'
const MESSAGES: Record<number, string> = {
  400: "Invalid value for 'messages[0].content'.",
  401: 'Incorrect API key provided.',
  402: 'Your credit balance is too low.',
  403: 'This key may not use this model.',
  404: 'The model does not exist.',
  422: 'The request could not be processed.',
  429: 'Rate limit reached. Please try again in 2s.',
  529: 'Overloaded',
}

/** An error answer of this status as the vendor words it; 429 says `Retry-After: 2`. */
export function statusAnswer(ask: Ask, status: number): Step[] {
  const headers: HeaderLines =
    status === 429
      ? [
          ['retry-after', '2'],
          ['x-ratelimit-remaining-requests', '0'],
        ]
      : []
  return refused(ask, status, MESSAGES[status] ?? `The fake provider failed with ${status}.`, headers)
}

/** Answers of a credential, by how its value starts: `dead-` 401, `dead-402-`, `dead-403-`, `busy-` 429. */
export function keyAnswer(ask: Ask): Step[] | undefined {
  if (ask.key.startsWith('busy-')) return statusAnswer(ask, 429)
  const dead = /^dead-(?:(40[123])-)?/.exec(ask.key)
  return dead === null ? undefined : statusAnswer(ask, Number(dead[1] ?? 401))
}

/** The first `count` requests of each key get the status, later ones a good answer. */
export function statusFirst(ask: Ask, status: number, count: number): Step[] {
  const name = `${ask.model} ${ask.key}`
  const seen = (ask.state.counts.get(name) ?? 0) + 1
  ask.state.counts.set(name, seen)
  return seen <= count ? statusAnswer(ask, status) : answer(ask, PLAIN)
}

/** Whole answers that are well-formed HTTP and yet wrong. Named after faults.md, rows 9 to 16. */
export const STATUS_FAULTS: Readonly<Record<string, Answer>> = {
  redirect: (ask) => [{ write: whole(307, [['location', `http://localhost:${ask.state.port}/stolen`]], '') }],
  html: () => [{ write: whole(200, [['content-type', 'text/html']], HTML) }],
  'html-502': () => [{ write: whole(502, [['content-type', 'text/html']], HTML) }],
  text: () => [{ write: whole(200, [['content-type', 'text/plain']], 'upstream connect error or disconnect/reset before headers') }],
  'text-500': () => [{ write: whole(500, [['content-type', 'text/plain']], 'Internal Server Error') }],
  'json-for-stream': (ask) => [{ write: wholeAnswer(ask, PLAIN) }],
  'stream-for-json': (ask) => streamed(eventsOf(ask)),
  '200-error-object': (ask) => [{ write: whole(200, [JSON_TYPE], ask.dialect.error(500, 'The fake provider failed inside a 200.')) }],
  'empty-body': () => [{ write: whole(200, [JSON_TYPE], '') }],
  'empty-stream': () => [{ write: Buffer.concat([head(200, EVENT_STREAM), Buffer.from('0\r\n\r\n')]) }],
  'bad-json-whole': () => [{ write: whole(200, [JSON_TYPE], '{"id":"chatcmpl-fake-1","choices":[{"index":0,"mess') }],
  'not-an-object': () => [{ write: whole(200, [JSON_TYPE], '[1,2,3]') }],
  '204': () => [{ write: head(204, []) }],
  'echo-headers': (ask) => refused(ask, 400, `Bad request. The headers were: ${ask.headText}`),
  'echo-text': (ask) => [{ write: whole(200, [['content-type', 'text/plain']], `Unknown request: ${ask.headText}`) }],
  'echo-html-500': (ask) => [{ write: whole(500, [['content-type', 'text/html']], `<!doctype html><pre>${ask.headText}</pre>`) }],
  'echo-text-500': (ask) => [{ write: whole(500, [['content-type', 'text/plain']], ask.headText) }],
  'echo-200-error': (ask) => [{ write: whole(200, [JSON_TYPE], ask.dialect.error(500, ask.headText)) }],
  'echo-429': (ask) => refused(ask, 429, ask.headText, [['retry-after', '2']]),
  'echo-401': (ask) => refused(ask, 401, ask.headText),
  'echo-key-header': (ask) => [{ write: whole(200, [JSON_TYPE, ['x-received-key', ask.key]], ask.dialect.whole(PLAIN, ask)) }],
  'limit-500': (ask) => refused(ask, 500, 'Too many requests for your organisation.'),
  '429-ms': (ask) =>
    refused(ask, 429, 'Rate limit reached.', [
      ['retry-after-ms', '250'],
      ['retry-after', '1'],
    ]),
  '429-date': (ask) => refused(ask, 429, 'Rate limit reached.', [['retry-after', 'Fri, 31 Dec 2100 23:59:59 GMT']]),
}
