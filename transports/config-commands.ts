import { isObject } from '../core/canonical/json.ts'
import type { Builtins } from '../core/config/builtins.ts'
import { diffConfigs, type EntityDiff, type FieldDiff } from '../core/config/diff.ts'
import { emitJsonSchema } from '../core/config/json-schema.ts'
import { loadConfig, readConfig } from '../core/config/load.ts'
import { productionPoints } from '../core/config/production.ts'

/** What a command says, and its exit code. */
export interface CommandResult {
  out: string
  err: string
  code: number
}

type Command = (args: readonly string[], builtins: Builtins) => CommandResult

const COMMANDS: Readonly<Record<string, Command>> = { check, schema, diff }

/** Runs `bifrost config check|schema|diff`, called in one of its forms (cli.ts). */
export function runConfigCommand([action = '', ...args]: readonly string[], builtins: Builtins): CommandResult {
  const command = Object.hasOwn(COMMANDS, action) ? COMMANDS[action] : undefined
  return command?.(args, builtins) ?? { out: '', err: `no such command: config ${action}\n`, code: 2 }
}

/** 0: good, and every point of the checklist met where it was asked for; 1: not. */
function check(args: readonly string[], builtins: Builtins): CommandResult {
  const file = args.find((arg) => !arg.startsWith('-')) ?? ''
  const { problems, notices, tree } = loadConfig({ file, env: process.env, builtins })
  const notes = notices.map((notice) => `note: ${notice}\n`).join('')
  const err = problems.map((problem) => `${problem}\n`).join('')
  const good = problems.length === 0 ? `${file} is good\n` : ''
  if (!args.includes('--production') || tree === undefined) return { out: notes + good, err, code: problems.length === 0 ? 0 : 1 }
  const points = productionPoints(tree)
  const lines = points.map(({ name, isMet, message }, index) => `${index + 1}. ${isMet ? 'met    ' : 'not met'}  ${name}: ${message}\n`)
  const isReady = points.every((point) => point.isMet)
  return { out: `${notes}${good}\nfor production:\n${lines.join('')}`, err, code: problems.length === 0 && isReady ? 0 : 1 }
}

function schema(_: readonly string[], builtins: Builtins): CommandResult {
  return { out: `${JSON.stringify(emitJsonSchema(builtins), null, 2)}\n`, err: '', code: 0 }
}

/** 0: the same by meaning; 1: not; 2: a file cannot be read. */
function diff(files: readonly string[], builtins: Builtins): CommandResult {
  const read = files.map((file) => readConfig({ file, env: {}, builtins }))
  const [before, after] = read.map(({ tree }) => tree)
  const problems = read.flatMap((each, index) =>
    isObject(each.tree) ? each.problems.map((problem) => `${files[index]}: ${problem}\n`) : unread(each.problems, files[index]),
  )
  if (!isObject(before) || !isObject(after)) return { out: '', err: problems.join(''), code: 2 }
  const found = diffConfigs(before, after, builtins)
  return { out: found.map(entityText).join('') || 'the same by meaning\n', err: problems.join(''), code: found.length === 0 ? 0 : 1 }
}

function unread(problems: readonly string[], file: string | undefined): string[] {
  return problems.length === 0 ? [`${file}: must be an object\n`] : problems.map((problem) => `${problem}\n`)
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

function entityText({ collection, id, kind, fields }: EntityDiff): string {
  const lines = fields.map((field) => `    ${fieldText(field)}\n`).join('')
  return `${SIGNS[kind]} ${collection}${id === '' ? '' : ` ${id}`}\n${lines}`
}

function fieldText({ path, before, after, isSecret }: FieldDiff): string {
  return isSecret ? `${path}: changed (not shown)` : `${path}: ${before ?? 'absent'} -> ${after ?? 'absent'}`
}
