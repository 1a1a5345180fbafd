// Prints "N passed, N failed" from vitest's JSON report, and fails unless all is well. A step of CI that failed counts as one
// failure, and so does a test file that could not be loaded, or a report that is not there.
import { readFileSync } from 'node:fs'

const [path, steps] = process.argv.slice(2)
const { passed, failed, skipped } = counts()
process.stdout.write(`${skipped} skipped\n${passed} passed, ${failed + Number(steps)} failed\n`)
process.exitCode = failed + Number(steps) > 0 ? 1 : 0

function counts() {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'))
    const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
    const failures = report.numFailedTests + unloaded
    return {
      passed: report.numPassedTests,
      failed: failures === 0 && !report.success ? 1 : failures,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
