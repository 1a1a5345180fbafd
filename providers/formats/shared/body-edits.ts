import type { Splice } from '../../../core/format.ts'
import type { Scan, Span } from '../../../core/scan.ts'

/** Gives a top-level field another value; a field that is not there is put in front. The body must have another field then. */
export function withField(scan: Scan, name: string, value: unknown): Splice {
  const span = scan.spans.get(name)
  if (span) return { start: span.start, end: span.end, text: JSON.stringify(value) }
  const at = scan.bytes.indexOf('{') + 1
  return { start: at, end: at, text: `${JSON.stringify(name)}:${JSON.stringify(value)}${scan.spans.size > 0 ? ',' : ''}` }
}

/** Takes out top-level fields, each run of neighbours with the commas that leave one between those that stay. */
export function withoutFields(scan: Scan, names: readonly string[]): Splice[] {
  const removed = new Set(names)
  const splices: Splice[] = []
  let kept: Span | undefined
  let run: { first: Span; last: Span } | undefined
  for (const [name, span] of [...scan.spans].sort((left, right) => left[1].keyStart - right[1].keyStart)) {
    if (removed.has(name)) run = { first: run?.first ?? span, last: span }
    else {
      if (run) splices.push({ start: run.first.keyStart, end: span.keyStart, text: '' })
      run = undefined
      kept = span
    }
  }
  if (run) splices.push({ start: kept?.end ?? run.first.keyStart, end: run.last.end, text: '' })
  return splices
}
