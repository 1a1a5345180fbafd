import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const DATA = fileURLToPath(new URL('../../data', import.meta.url))

/** Before all tests; what it returns runs behind them. A gateway that a test starts without `--app-dir` keeps its store in the repository's own folder. */
export default function watchFolder(): () => void {
  const wasThere = existsSync(DATA)
  return () => {
    if (!wasThere && existsSync(DATA)) throw new Error(`a test left ${DATA}: start gateways with --app-dir and a folder of their own`)
  }
}
