import { GatewayError } from '../errors.ts'
import type { Mint, Minted, SignIn } from '../mint.ts'
import type { AuthKind } from '../provider.ts'
import type { SnapshotTables } from '../snapshot.ts'

/** Which key a data thread wants a credential for, as data. */
export interface CredentialRequest {
  id: number
  auth: AuthKind
  provider: string
  /** The key's id. */
  key: string
  /** `mintedAt` of the credential that the provider did not take. */
  refused?: number | undefined
}

/** The main thread's answer: a credential, or why there is none. */
export interface CredentialReply {
  id: number
  minted?: Minted | undefined
  reason?: string | undefined
}

/** A data thread's way to the process's mint. */
export interface CredentialCalls {
  mint: Mint
  /** The main thread's answer has come. */
  settle(reply: CredentialReply): void
  close(): void
}

/** Numbers each question to the main thread and keeps who waits for its answer. The mint bounds the time, each request its own. */
export function createCredentialCalls(post: (request: CredentialRequest) => void): CredentialCalls {
  const pending = new Map<number, { signIn: SignIn; resolve(minted: Minted): void; reject(error: GatewayError): void }>()
  let lastId = 0

  function settle({ id, minted, reason }: CredentialReply): void {
    const waiter = pending.get(id)
    if (!waiter) return
    pending.delete(id)
    const { settings, key } = waiter.signIn
    if (minted) waiter.resolve(minted)
    else waiter.reject(new GatewayError('GW_SIGN_IN_FAILED', { provider: settings.name, key: key.name, reason }))
  }

  return {
    mint(signIn, refused) {
      const id = ++lastId
      return new Promise((resolve, reject) => {
        pending.set(id, { signIn, resolve, reject })
        post({ id, auth: signIn.entry.auth, provider: signIn.settings.name, key: signIn.key.id, refused })
      })
    },
    settle,
    close() {
      for (const id of [...pending.keys()]) settle({ id, reason: 'this thread is ending' })
    },
  }
}

/** The main thread's side: finds the key in its own tables, for credentials do not cross threads without need. Never rejects. */
export async function answerCredentialRequest(tables: SnapshotTables, mint: Mint, request: CredentialRequest): Promise<CredentialReply> {
  const { id, auth, refused } = request
  const settings = tables.providers.get(request.provider)
  const key = settings?.keys.find((known) => known.id === request.key)
  if (!settings || !key) return { id, reason: 'the key is no longer configured' }
  try {
    return { id, minted: await mint({ entry: { auth }, settings, key }, refused) }
  } catch (error) {
    return { id, reason: error instanceof GatewayError ? String(error.detail.reason) : 'the mint failed' }
  }
}
