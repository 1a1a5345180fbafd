/** The fake provider in the test's own process, on a free port: `const upstream = await startUpstream()`, and `upstream.close()` at the end. */
export { type Ending, type FakeUpstream, MODEL_NAMES, type SeenRequest, type SeenSocket, startUpstream } from '../../bench/upstream.ts'
