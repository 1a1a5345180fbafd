// The entry of every thread: its role is in workerData. The only file that may import every folder. Each role loads what it
// needs and no more: a thread that serves is up sooner.
import { availableParallelism } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import type { Json } from '../core/canonical/json.ts'
import type { Builtins } from '../core/config/builtins.ts'
import type { LogLevel } from '../core/log.ts'
import type { SnapshotTables } from '../core/snapshot.ts'
import type { DataThreadStart, StoreThreadStart, ThreadStart } from '../core/threads/messages.ts'
import { receiveStart, spawnThread, threadRole } from '../core/threads/spawn.ts'

if (isMainThread) await runMainRole()
else if (threadRole() === 'store') await runStoreRole(receiveStart('store'))
else await runDataRole(receiveStart('data'))

async function runMainRole(): Promise<void> {
  const entry = new URL(import.meta.url)
  const [command, ...args] = process.argv.slice(2)
  if (command === 'migrate' || command === 'keys') return runStoreCommands()
  if (command === 'config') return runConfig(args)
  // Two thirds of a start are loading modules: the first data thread does it beside this one.
  const spare = spawnThread(entry, 'data')
  const [
    { loadConfig },
    { runGatewayProcess },
    { createAcceptor },
    { providers, plannedProviders },
    plugins,
    { createMint },
    { Deadlines, systemClock },
    { authenticators },
    { storeDrivers },
  ] = await Promise.all([
    import('../core/config/load.ts'),
    import('./gateway-process.ts'),
    import('./http/acceptor.ts'),
    import('../providers/index.ts'),
    import('../plugins/index.ts'),
    import('../core/mint.ts'),
    import('../core/deadlines.ts'),
    import('../providers/auth/index.ts'),
    import('../plugins/stores.ts'),
  ])
  const answersItself = new Set(providers.filter((provider) => provider.respond).map((provider) => provider.name))
  const known = knownNames({ providers, plannedProviders }, plugins, storeDrivers)
  const load = (file: string | undefined) => loadConfig({ file, env: process.env, builtins: known })
  await runGatewayProcess({
    args: process.argv.slice(2),
    entry,
    spare,
    load,
    management: { builtins: known, drivers: storeDrivers },
    createAcceptor,
    createMint: (log) =>
      createMint({ authenticators, deadlines: new Deadlines(systemClock), log, wallClock: Date.now, random: Math.random }),
    keyVariables: (tables) => (hasProvider(tables, answersItself) ? [] : providers.flatMap(({ envKey }) => envKey ?? [])),
  })
}

/** `bifrost config ...`, which asks here because nothing else knows every provider and plugin. */
async function runConfig(args: readonly string[]): Promise<void> {
  const [{ runConfigCommand }, providers, plugins, { storeDrivers }] = await Promise.all([
    import('./config-commands.ts'),
    import('../providers/index.ts'),
    import('../plugins/index.ts'),
    import('../plugins/stores.ts'),
  ])
  const { out, err, code } = runConfigCommand(args, knownNames(providers, plugins, storeDrivers))
  process.stdout.write(out)
  process.stderr.write(err)
  process.exitCode = code
}

/** `bifrost migrate` and `bifrost keys rotate`: they work on the store itself, and start no gateway. */
async function runStoreCommands(): Promise<void> {
  const [{ runStoreCommand }, { storeDrivers }, { providers, plannedProviders }, { builtins, plannedPlugins, vectorStores }] =
    await Promise.all([
      import('./store-commands.ts'),
      import('../plugins/stores.ts'),
      import('../providers/index.ts'),
      import('../plugins/index.ts'),
    ])
  process.exitCode = await runStoreCommand(process.argv.slice(2), {
    env: process.env,
    drivers: storeDrivers,
    builtins: { providers, planned: plannedProviders, plugins: builtins, plannedPlugins, vectorStores },
    output: { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) },
    now: Date.now,
  })
}

/** What a configuration may refer to by name. */
function knownNames(
  { providers, plannedProviders }: Pick<typeof import('../providers/index.ts'), 'providers' | 'plannedProviders'>,
  { builtins, plannedPlugins, vectorStores }: typeof import('../plugins/index.ts'),
  stores: Builtins['stores'],
): Builtins {
  return { providers, planned: plannedProviders, plugins: builtins, plannedPlugins, vectorStores, stores }
}

/** Whether there is a provider beside those that answer from the process itself. */
function hasProvider(tables: SnapshotTables, answersItself: ReadonlySet<string>): boolean {
  return [...tables.providers.values()].some(({ entry }) => !answersItself.has(entry))
}

async function runStoreRole(started: Promise<StoreThreadStart>): Promise<void> {
  const [start, { runStoreThread }, { storeDrivers: drivers }, logging] = await Promise.all([
    started,
    import('../core/threads/store.ts'),
    import('../plugins/stores.ts'),
    threadLog(started),
  ])
  const { config, logs, keyValue, notices } = start.store
  for (const choice of [config, logs, keyValue, notices]) {
    for (const secret of logging.secretsIn((choice?.config ?? null) as Json)) logging.redactor.add(secret)
  }
  runStoreThread({ start, log: logging.log, drivers })
}

async function runDataRole(started: Promise<DataThreadStart>): Promise<void> {
  // Small buffers share memory of so many bytes. A request needs five of a few KB; to make such memory costs as much whatever its size.
  Buffer.poolSize = 65_536
  const [start, logging, { runDataThread }, { createGateway }, server, { formats }, { authenticators }, { providers }, { builtins }, pool] =
    await Promise.all([
      started,
      threadLog(started),
      import('../core/threads/data.ts'),
      import('../core/gateway.ts'),
      import('./thread-server.ts'),
      import('../providers/formats/index.ts'),
      import('../providers/auth/index.ts'),
      import('../providers/index.ts'),
      import('../plugins/index.ts'),
      import('../core/stream/pool.ts'),
    ])
  const { log } = logging
  const poolThreads = pool.poolThreadsFor(start.threads, availableParallelism())
  runDataThread({
    start,
    log,
    async createGateway({ snapshot: { tables }, shared, mint }) {
      learnSecrets(logging, tables)
      const builtIn = { formats, providers, authenticators, plugins: builtins }
      const gateway = await createGateway({ tables, shared, ...builtIn, log, redactor: logging.redactor, mint, poolThreads })
      return {
        ...gateway,
        listModels: (names) => gateway.listModels(names),
        loadedPlugins: () => gateway.plugins.plugins,
        apply(patch) {
          learnSecrets(logging, tables)
          return gateway.apply(patch)
        },
      }
    },
    createServer: ({ edge, snapshot: { tables }, shared }) => server.createThreadServer({ ...start, edge, tables, shared }),
  })
}

async function threadLog(started: Promise<ThreadStart>) {
  const [start, { createLog }, { createRedactor }, { secretsIn }] = await Promise.all([
    started,
    import('../core/log.ts'),
    import('../core/redact.ts'),
    import('../core/config/secrets.ts'),
  ])
  const { role, index, logLevel, logStyle } = start
  const redactor = createRedactor()
  const name = role === 'store' && start.store.logs ? 'logs' : role
  return {
    log: createLog({ level: logLevel as LogLevel, style: logStyle, redactor }).child({ thread: `${name}-${index}` }),
    redactor,
    secretsIn,
  }
}

/** What this thread must never log: known from the snapshot, because the configuration itself stays in the main thread. */
function learnSecrets({ redactor, secretsIn }: Awaited<ReturnType<typeof threadLog>>, { providers, plugins }: SnapshotTables): void {
  for (const settings of [...providers.values(), ...plugins.values()]) {
    for (const secret of secretsIn(settings as unknown as Json)) redactor.add(secret)
  }
}
