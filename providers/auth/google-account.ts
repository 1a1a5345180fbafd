import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** A Google credential as its file holds it: a service account, or the description of a workload identity. */
export type GoogleAccount = Readonly<Record<string, unknown>> & { type: string }

const KINDS = ['service_account', 'external_account', 'authorized_user', 'impersonated_service_account']

/** A credential of Google's: JSON, or the path of a file with it. Checked as far as it can be without asking anybody. */
export function googleAccount() {
  return z.string().superRefine((text, context) => {
    const message = accountFault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

/** Reads a credential that `googleAccount` admitted. Throws where its file has gone or changed since. */
export function readGoogleAccount(text: string): GoogleAccount {
  return JSON.parse(isJson(text) ? text : readFileSync(text, 'utf8')) as GoogleAccount
}

/** Sentences never repeat the text: it may hold a private key. */
function accountFault(text: string): string | undefined {
  let account: unknown
  try {
    account = readGoogleAccount(text)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== undefined) return `is no JSON, and no file that can be read (${code})`
    return isJson(text) ? 'is not JSON' : 'names a file that is no JSON'
  }
  const { type } = (account ?? {}) as { type?: unknown }
  return KINDS.includes(type as string) ? undefined : `is no credential of Google's: its type must be one of ${KINDS.join(', ')}`
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{')
}
