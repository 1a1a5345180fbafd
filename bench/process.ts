import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Linux counts CPU in ticks of a hundredth of a second for every process, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096
const isLinux = process.platform === 'linux'

/** The process and all that it started, and those: a launcher's gateway, nginx's workers. */
export function treeOf(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const line of ps(['-A', '-o', 'ppid=,pid='])) {
    const [parent = 0, pid = 0] = line.trim().split(/\s+/).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

/** CPU seconds, user and system, that these processes have used since they began: all threads, from the kernel's own account. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (isLinux ? linuxCpu(pid) : psCpu(pid)), 0)
}

/** Resident memory of these processes in bytes; pages that they share are counted in each. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (isLinux ? linuxResident(pid) : psResident(pid)), 0)
}

/** Fields behind the command in `/proc/<pid>/stat`, counted from the state (proc_pid_stat(5), field 3). */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function linuxCpu(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function linuxResident(pid: number): number {
  return Number(statFields(pid)[21]) * PAGE_BYTES
}

/** `[[days-]hours:]minutes:seconds`, with hundredths on macOS. */
function psCpu(pid: number): number {
  const [text = ''] = ps(['-o', 'time=', '-p', String(pid)])
  return text
    .trim()
    .split(/[-:]/)
    .reduce((sum, part) => sum * 60 + Number(part), 0)
}

function psResident(pid: number): number {
  return Number(ps(['-o', 'rss=', '-p', String(pid)])[0]) * 1024
}

function ps(args: readonly string[]): string[] {
  return execFileSync('ps', args, { encoding: 'utf8' }).trimEnd().split('\n')
}
