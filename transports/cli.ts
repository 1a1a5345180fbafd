#!/usr/bin/env node
// The `bifrost` command. Loads what a command needs only when it is asked for.
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const HELP = `Usage: bifrost <command>

  bifrost serve [flags]         run the gateway; "bifrost serve --help" lists the flags
  bifrost config check FILE     say whether a configuration is good, and everything that is wrong with it;
                                with --production also what it lacks for production
  bifrost config diff A B       what differs between two configurations by meaning
  bifrost config schema         the JSON schema of config.json
  bifrost migrate --from FILE   take over a database of Bifrost 1.4: a SQLite file, or postgres://...; --dry-run says what would happen
  bifrost keys rotate           change the key that secrets in the store are sealed by
  bifrost --help | --version
`

/** Where a command writes. */
export interface CliOutput {
  out(text: string): void
  err(text: string): void
}

type Command = (args: readonly string[], output: CliOutput) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  config,
  migrate: (args, output) => inGateway(['migrate', ...args], output),
  keys: (args, output) => inGateway(['keys', ...args], output),
  '--version': version,
  '-v': version,
  '--help': help,
  '-h': help,
  help,
}

/** Runs one command; resolves with the exit code: 0 good, 1 problems found, 2 called wrongly. */
export async function runCli(args: readonly string[], output: CliOutput): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined) return help([], output)
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command) return command(rest, output)
  output.err(`bifrost: unknown ${name.startsWith('-') ? 'flag' : 'command'} "${name}"; "bifrost --help" lists what there is\n`)
  return 2
}

async function help(_: readonly string[], { out }: CliOutput): Promise<number> {
  out(HELP)
  return 0
}

async function version(_: readonly string[], { out }: CliOutput): Promise<number> {
  const { packageVersion } = await import('./package-version.ts')
  out(`${packageVersion()}\n`)
  return 0
}

async function serve(args: readonly string[], { out, err }: CliOutput): Promise<number> {
  const { parseServeOptions, SERVE_HELP } = await import('./options.ts')
  if (args.includes('--help') || args.includes('-h')) {
    out(`Usage: bifrost serve [flags]\n\n${SERVE_HELP}\n`)
    return 0
  }
  const { problems } = parseServeOptions(args, process.env)
  if (problems.length > 0) {
    err(`bifrost: ${problems.join('\n')}\n`)
    return 2
  }
  const { launch } = await import('./launcher.ts')
  return launch(args)
}

function isConfigForm([action, ...rest]: readonly string[]): boolean {
  const files = rest.filter((arg) => arg !== '--production')
  if (files.some((file) => file.startsWith('-'))) return false
  const flags = rest.length - files.length
  return (action === 'check' && files.length === 1 && flags <= 1) || (flags === 0 && files.length === FILES.get(action ?? ''))
}

/** Files that the forms without flags name. */
const FILES: ReadonlyMap<string, number> = new Map([
  ['schema', 0],
  ['diff', 2],
])

async function config(args: readonly string[], output: CliOutput): Promise<number> {
  if (!isConfigForm(args)) {
    output.err('bifrost: the forms are "bifrost config check FILE [--production]", "bifrost config diff A B" and "bifrost config schema"\n')
    return 2
  }
  return inGateway(['config', ...args], output)
}

/** In a process of its own: the entry of the gateway alone knows every provider, plugin and store, and needs its Node. */
async function inGateway(args: readonly string[], { out, err }: CliOutput): Promise<number> {
  const { gatewayCommand } = await import('./launcher.ts')
  const command = gatewayCommand()
  if ('problem' in command) {
    err(`${command.problem}\n`)
    return 1
  }
  const child = spawn(command.node, [...command.flags, command.main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (text: Buffer) => out(String(text)))
  child.stderr.on('data', (text: Buffer) => err(String(text)))
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)))
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await runCli(process.argv.slice(2), {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  })
  if (process.connected) process.disconnect()
}
