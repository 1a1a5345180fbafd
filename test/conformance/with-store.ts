/** What no engine takes. */
export const corrupt = { name: 'StoreError', fault: 'corrupt' }

/** Runs `work` on one store of an empty place, and closes the store. */
export async function withStore<Store extends { close(): Promise<void> }, Place>(
  engine: { newPlace(): Promise<Place & { open(): Promise<Store> }> },
  work: (store: Store, place: Place) => Promise<void>,
): Promise<void> {
  const place = await engine.newPlace()
  const store = await place.open()
  try {
    await work(store, place)
  } finally {
    await store.close()
  }
}
