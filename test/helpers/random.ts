const TEXTS = ['a', 'Grüße 😀', '"quoted" \\ and\nlines', '{"no":"json"', ' \u2028 ', '</s>', 'x'.repeat(300)]

/** Chooses the same for the same seed, on every machine and run. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 7919 + 1) >>> 0
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state / 2 ** 32
  }
  chance(share = 0.5): boolean {
    return this.next() < share
  }
  one<Value>(...values: readonly Value[]): Value {
    return values[Math.floor(this.next() * values.length)] as Value
  }
  some<Value>(make: () => Value, most: number, least = 1): Value[] {
    return Array.from({ length: least + Math.floor(this.next() * (most - least + 1)) }, make)
  }
  maybe<Value>(make: () => Value): Value | undefined {
    return this.chance() ? make() : undefined
  }
  /** Never blank. */
  text = (): string => `w${this.some(() => this.one(...TEXTS), 3).join('')}`
}
