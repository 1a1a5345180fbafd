import { parseArgs } from 'node:util'
import type { Builtins } from '../core/config/builtins.ts'
import type { Environment } from '../core/config/env.ts'
import { createLog } from '../core/log.ts'
import { createRedactor } from '../core/redact.ts'
import { rotateKey } from '../core/sealing/rotate.ts'
import { SealingError } from '../core/sealing/sealing-error.ts'
import { type StoreDriver, StoreError } from '../core/stores/stores.ts'
import { type TakeoverOptions, takeOver } from '../core/takeover/at-start.ts'
import { passphraseFrom } from '../core/takeover/read-bifrost.ts'
import { reportText } from '../core/takeover/report.ts'
import { TakeoverError } from '../core/takeover/tables.ts'
import type { CliOutput } from './cli.ts'
import { openSealed, openTarget, TargetError, type TargetOptions } from './store-target.ts'

/** What the commands that work on a store are given: everything that transports may not know by name. */
export interface StoreCommandParts {
  env: Environment
  drivers: readonly StoreDriver[]
  /** What a configuration may name. */
  builtins: Builtins
  output: CliOutput
  now(): number
}

const WHERE = { 'app-dir': { type: 'string' }, config: { type: 'string' } } as const
const MIGRATE = {
  ...WHERE,
  from: { type: 'string' },
  'encryption-key': { type: 'string' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const ROTATE = { ...WHERE, 'new-key': { type: 'string' } } as const

const FORMS = {
  migrate: 'bifrost migrate --from FILE|postgres://... [--app-dir DIR] [--config FILE] [--encryption-key env.NAME] [--dry-run] [--json]',
  keys: 'bifrost keys rotate [--app-dir DIR] [--config FILE] [--new-key env.NAME]',
}

/** `bifrost migrate` and `bifrost keys rotate`. Resolves with the exit code: 0 done, 1 not, 2 called wrongly, 78 another key. */
export async function runStoreCommand([command, ...args]: readonly string[], parts: StoreCommandParts): Promise<number> {
  const { err } = parts.output
  try {
    if (command === 'migrate') return await migrate(args, parts)
    if (command === 'keys' && args[0] === 'rotate') return await rotate(args.slice(1), parts)
    return misused('keys', parts)
  } catch (error) {
    if (isMisuse(error)) return misused(command === 'migrate' ? 'migrate' : 'keys', parts)
    if (!isSentence(error)) throw error
    err(`bifrost: ${error.message}\n`)
    return error instanceof SealingError ? error.exitCode : 1
  }
}

async function migrate(args: readonly string[], parts: StoreCommandParts): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: MIGRATE, allowPositionals: false })
  const { from, 'dry-run': isDryRun = false, json } = values
  if (from === undefined) return misused('migrate', parts)
  const { output, env, builtins, now } = parts
  const reference = values['encryption-key']
  const given = reference === undefined ? undefined : passphraseFrom(reference, env)
  const target = await openTarget(targetOf(values, parts), isDryRun)
  try {
    if (!target.passphrase) output.err('note: no encryption_key is set, secrets lie in the store in the open\n')
    const store = await openSealed(target, now(), isDryRun)
    const report = await takeOver(from, {
      store,
      now: now(),
      isDryRun,
      ...namesOf(builtins),
      validity: { builtins, env },
      passphrase: given ?? target.passphrase,
    })
    output.out(json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report))
    if (isDryRun) output.err('dry run: nothing was written\n')
    return 0
  } finally {
    await target.raw.close()
  }
}

/** Names that the rules go by. */
function namesOf({ providers, plugins }: Builtins): Pick<TakeoverOptions, 'keyUrls' | 'plugins'> {
  const keyUrls = providers.flatMap(({ name, keyUrl, keyModelName }) => (keyUrl && !keyModelName ? [[name, keyUrl] as const] : []))
  return { keyUrls: Object.fromEntries(keyUrls), plugins: new Set(plugins.map(({ name }) => name)) }
}

async function rotate(args: readonly string[], parts: StoreCommandParts): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: ROTATE, allowPositionals: false })
  const { output, env, now } = parts
  const to = passphraseFrom(values['new-key'] ?? 'env.BIFROST_NEW_ENCRYPTION_KEY', env, '--new-key')
  const target = await openTarget(targetOf(values, parts))
  try {
    if (!target.passphrase) throw new SealingError('no-key', 'no key is set: encryption_key or BIFROST_ENCRYPTION_KEY is the one to change')
    const { sealed, left } = await rotateKey(target.raw, { from: target.passphrase, to, now: now() })
    output.out(`The key has changed; ${sealed} documents were sealed anew. Start every gateway with the new key from now on.\n`)
    if (left > 0) output.err(`note: ${left} documents were being written by others; the next start seals them\n`)
    return 0
  } finally {
    await target.raw.close()
  }
}

function targetOf(values: { config?: string; 'app-dir'?: string }, { env, drivers, output, now }: StoreCommandParts): TargetOptions {
  const log = createLog({ level: 'info', style: 'pretty', redactor: createRedactor(), destination: { write: output.err } })
  return { config: values.config, appDir: values['app-dir'], env, drivers, log, now }
}

function misused(command: keyof typeof FORMS, { output }: StoreCommandParts): number {
  output.err(`bifrost: the form is "${FORMS[command]}"\n`)
  return 2
}

function isMisuse(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
}

function isSentence(error: unknown): error is Error {
  return [TakeoverError, TargetError, SealingError, StoreError].some((kind) => error instanceof kind)
}
