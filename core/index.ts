/** What authors of plugins, providers and formats may import: `import { definePlugin } from 'bifrost-node'`. */
export type * from './canonical/chat.ts'
export type * from './canonical/count.ts'
export type * from './canonical/embed.ts'
export type { Json, JsonObject } from './canonical/json.ts'
export type { AnyRequest, AnyResponse, OperationResponse } from './canonical/operations.ts'
export type * from './canonical/rerank.ts'
export type { Stop } from './canonical/stop.ts'
export type { Usage } from './canonical/usage.ts'
export { type AllowRule, allowList } from './config/allow-list.ts'
// By star, not by name: only so can an author augment `PluginState` and `Services` in `declare module 'bifrost-node'`.
export type * from './context.ts'
export type { HeaderList, Incoming, Route } from './edge.ts'
export { type ErrorCode, type ErrorDetail, GatewayError } from './errors.ts'
export type { AsyncFold, Fold, FoldRef, Sink } from './fold.ts'
export {
  type DecodedRequest,
  defineFormat,
  type EncodedRequest,
  type Format,
  type Frame,
  type Inbound,
  type Lens,
  type Outbound,
} from './format.ts'
export type {
  Answer,
  AsyncHandler,
  Candidate,
  HookEntry,
  HookName,
  HookOptions,
  HookSignatures,
  Hooks,
  Maybe,
  Need,
  OnError,
  Outcome,
  StreamStage,
  SyncHandler,
} from './hooks/hooks.ts'
export type * from './plugin/plugin.ts'
export { definePlugin } from './plugin/plugin.ts'
export { defineProvider, type Operation, type Provider, type Quirks } from './provider.ts'
export type { AllowList, KeySettings, ProviderSettings } from './snapshot.ts'
