import { placesIn } from './json-text.ts'

/** A step at the end of a path as `pathText` writes it. */
const LAST_STEP = /(?:^|\.)[$\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/
const HAS_PLACE = /\(line \d+, column \d+\)$/

/** Each sentence that begins with a path, with the line in the text where that stands; what is missing there is looked for where it belongs. */
export function withPlaces(text: string, problems: readonly string[]): string[] {
  const paths = problems.map((problem) => withAncestors(problem.split(': ', 1)[0] ?? ''))
  const places = placesIn(text, new Set(paths.flat()))
  return problems.map((problem, index) => {
    const nearest = paths[index]?.find((path) => places.has(path))
    return nearest === undefined || HAS_PLACE.test(problem) ? problem : `${problem} (${places.get(nearest)})`
  })
}

/** The path and those above it, the nearest first, without the empty one. */
function withAncestors(path: string): string[] {
  const paths: string[] = []
  for (let rest = path; rest !== '' && LAST_STEP.test(rest); rest = rest.replace(LAST_STEP, '')) paths.push(rest)
  return paths
}
