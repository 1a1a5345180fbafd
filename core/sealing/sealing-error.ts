/** Why something cannot be sealed or opened. `wrong-key` and `no-key` are the operator's to mend, `corrupt` is damage or forgery. */
export type SealingFault = 'wrong-key' | 'no-key' | 'unknown-key' | 'corrupt'

/** A refusal of the sealing. Names collections, ids and fields, never a secret, and keeps no cause that might hold one. */
export class SealingError extends Error {
  readonly fault: SealingFault
  /** Exit code of a process that cannot start because of it: a bad configuration. */
  readonly exitCode = 78

  constructor(fault: SealingFault, message: string) {
    super(message)
    this.name = 'SealingError'
    this.fault = fault
  }
}
