import type { Loaded } from '../core/config/load.ts'

/** What `bifrost config check` says about a configuration, and its exit code: 0 good, 1 not. */
export function configReport(file: string, { problems, notices }: Loaded): { out: string; err: string; code: number } {
  const notes = notices.map((notice) => `note: ${notice}\n`).join('')
  if (problems.length === 0) return { out: `${notes}${file} is good\n`, err: '', code: 0 }
  return { out: notes, err: problems.map((problem) => `${problem}\n`).join(''), code: 1 }
}
