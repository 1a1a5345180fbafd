import type { Minted } from './mint.ts'
import type { Redactor } from './redact.ts'
import type { KeySettings, ProviderSettings } from './snapshot.ts'

/** Minted credentials that are remembered per key: the one at hand, those that requests under way still carry, and a spare. */
const MOST_PER_KEY = 4
/** Keys whose credentials are remembered; the one that was minted for the longest ago goes first. */
const MOST_KEYS = 4096

/** The minted credentials that a provider could quote: what must not travel on, beside what is configured. */
export interface LiveTokens {
  /** A credential has come. */
  add(key: KeySettings, minted: Minted): void
  /** The secrets in the credentials of a provider's keys, newest last. */
  of(settings: ProviderSettings): string[]
}

/** `redactor` learns of each credential, and forgets those that no request carries any more. */
export function createLiveTokens(redactor: Pick<Redactor, 'add' | 'forget'> | undefined): LiveTokens {
  const byKey = new Map<string, (readonly string[])[]>()

  function forget(gone: readonly string[] | undefined): void {
    for (const secret of gone ?? []) redactor?.forget(secret)
  }

  return {
    add(key, { credential }) {
      const name = nameOf(key.provider, key)
      const secrets = Object.values(credential.values)
      const known = byKey.get(name) ?? []
      for (const secret of secrets) redactor?.add(secret)
      const again = known.find((earlier) => earlier.join('\0') === secrets.join('\0'))
      forget(again)
      const others = known.filter((earlier) => earlier !== again)
      for (const earlier of others.slice(0, 1 - MOST_PER_KEY)) forget(earlier)
      byKey.delete(name)
      byKey.set(name, [...others.slice(1 - MOST_PER_KEY), secrets])
      if (byKey.size > MOST_KEYS) {
        const [oldest] = byKey.keys()
        for (const earlier of byKey.get(oldest as string) ?? []) forget(earlier)
        byKey.delete(oldest as string)
      }
    },
    of: ({ name, keys }) => keys.flatMap((key) => byKey.get(nameOf(name, key))?.flat() ?? []),
  }
}

function nameOf(provider: string, { id }: KeySettings): string {
  return `${provider}\0${id}`
}
