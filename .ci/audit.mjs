// Fails on a known high or critical advisory in what ships. A registry that answers no audit is a notice: it says nothing
// about the dependencies, and CI must work behind a mirror.
import { spawnSync } from 'node:child_process'

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--audit-level=high', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
  timeout: 120_000,
})
const report = parsed(stdout)
const counts = report?.metadata?.vulnerabilities
if (!counts) {
  process.stdout.write(`notice: the registry answers no audit (${report?.message ?? report?.error?.summary ?? 'no report'})\n`)
} else {
  process.stdout.write(`advisories in what ships: ${JSON.stringify(counts)}\n`)
  for (const { name, severity, range } of Object.values(report.vulnerabilities ?? {})) {
    process.stdout.write(`  ${severity}: ${name} ${range}\n`)
  }
  process.exitCode = counts.high + counts.critical > 0 ? 1 : 0
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
