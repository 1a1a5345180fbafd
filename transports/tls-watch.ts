import { watch } from 'node:fs'
import { dirname } from 'node:path'
import { isPem, readTls, type TlsMaterial } from '../core/config/edge.ts'
import type { TlsSettings } from '../core/snapshot.ts'
import { type Clock, systemClock } from './http/sweep.ts'

/** What the watch is made from. */
export interface TlsWatchOptions {
  settings: TlsSettings
  /** What is served now. */
  current: TlsMaterial
  onChange(material: TlsMaterial): void
  /** The files hold no usable pair; told once for each state of them. The old pair is served on. */
  onBroken(problems: readonly string[]): void
  clock?: Clock | undefined
  /** Calls `changed` when something in the folder did; gives how to stop. `fs.watch` unless a test brings its own. */
  watchFolder?: ((folder: string, changed: () => void) => () => void) | undefined
}

/** After a sign of change the files are read at the next tick, so that certificate and key are both in place. */
const TICK_MS = 1000
/** Without any sign (network file systems give none) they are read every so many ticks. */
const TICKS_UNASKED = 30

/** Reads the certificate's files again when they change. Returns how to stop; nothing is watched where both are PEM texts. */
export function watchTls(options: TlsWatchOptions): () => void {
  const { settings, clock = systemClock, watchFolder = watchByFs } = options
  const files = [settings.cert, settings.key].filter((value) => !isPem(value))
  if (files.length === 0) return () => {}
  let isChanged = false
  let ticks = 0
  const look = createLook(options)
  const stops = [...new Set(files.map((file) => dirname(file)))].map((folder) =>
    watchFolder(folder, () => {
      isChanged = true
    }),
  )
  const stop = clock.every(TICK_MS, () => {
    ticks++
    if (!isChanged && ticks % TICKS_UNASKED !== 0) return
    isChanged = false
    look()
  })
  return () => {
    for (const each of [...stops, stop]) each()
  }
}

function createLook({ settings, current, onChange, onBroken }: TlsWatchOptions): () => void {
  let served = current
  let told = ''
  return () => {
    const { material, problems } = readTls(settings)
    if (!material) {
      const sentences = problems.map(({ field, message }) => `client.tls.${field}: ${message}`)
      if (sentences.join() !== told) onBroken(sentences)
      told = sentences.join()
      return
    }
    told = ''
    if (material.cert === served.cert && material.key === served.key) return
    served = material
    onChange(material)
  }
}

/** The folder and not the file: files are replaced by renaming, and mounted secrets by moving a link beside them. */
function watchByFs(folder: string, changed: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, changed)
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return () => {}
  }
}
