// Starts the file named first under the launcher, as transports/launcher.ts starts transports/main.ts.
import { launch } from '../../transports/launcher.ts'

const [main, ...args] = process.argv.slice(2)
process.exitCode = await launch(args, main)
if (process.connected) process.disconnect()
