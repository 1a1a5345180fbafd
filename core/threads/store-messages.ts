import type { Collection, ConfigStore, KeyValueStore, LogStore, Notices, StoreFault } from '../stores/stores.ts'

/** Which driver opens a store, and with what. */
export interface StoreChoice {
  /** The driver's type. */
  type: string
  /** As the driver's schema has parsed it; plain data. May hold secrets. */
  config: unknown
}

/** What the store thread is to open. */
export interface StoreSetup {
  config?: StoreChoice | undefined
  logs?: StoreChoice | undefined
  keyValue?: StoreChoice | undefined
  notices?: StoreChoice | undefined
  /** Folder for files; undefined: nothing may be kept on disk. */
  folder?: string | undefined
  collections: readonly Collection[]
}

/** The stores of a setup, by the field that chooses them. */
export interface OpenStores {
  config: ConfigStore
  logs: LogStore
  keyValue: KeyValueStore
  notices: Notices
}

/** One of them. */
export type StoreKind = keyof OpenStores

/** A call of a store, as data. */
export interface StoreRequest {
  id: number
  store: StoreKind
  method: string
  args: readonly unknown[]
}

/** Its outcome. */
export interface StoreReply {
  id: number
  value?: unknown
  error?: { fault: StoreFault; message: string; field?: string | undefined } | undefined
}

/** What a subscription has heard; without a text, that it may have missed something. */
export interface StoreNotice {
  subscription: number
  text?: string | undefined
}
