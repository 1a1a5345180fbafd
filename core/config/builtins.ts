import type { Provider } from '../provider.ts'

/** A provider that is known by name and not served by this version. */
export interface PlannedProvider {
  name: string
  /** The environment variable that would create it. */
  envKey?: string | undefined
}

/** What a configuration may refer to by name. Brought by the caller: the core knows no provider and no plugin by name. */
export interface Builtins {
  providers: readonly Provider[]
  planned?: readonly PlannedProvider[] | undefined
  plugins: readonly { name: string }[]
}
