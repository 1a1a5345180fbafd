import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsMaterial } from '../../core/config/edge.ts'

/** In memory on Linux, so that a key that came from the environment never lies on a disk. */
const PLACES = process.platform === 'linux' ? ['/dev/shm', tmpdir()] : [tmpdir()]

/**
 * The library reads certificates from files alone. They are written for its sake where only this user can read them, and are gone when
 * this returns: what is served is then exactly what was checked, whatever happens to the operator's own files meanwhile. Throws where no
 * place can be written.
 */
export function withPrivateFiles<T>(material: TlsMaterial, use: (files: TlsMaterial) => T): T {
  const folder = makeFolder()
  try {
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
    for (const name of ['cert', 'key'] as const) writeFileSync(files[name], material[name], { mode: 0o600, flag: 'wx' })
    return use(files)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeFolder(): string {
  const faults: unknown[] = []
  for (const place of PLACES) {
    try {
      return mkdtempSync(join(place, 'bifrost-tls-'))
    } catch (error) {
      faults.push(error)
    }
  }
  throw new Error(`client.tls: no place to hand the certificate over: none of ${PLACES.join(', ')} can be written`, { cause: faults[0] })
}
