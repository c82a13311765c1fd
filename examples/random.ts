/**
 * Repeatable chance: the same seed gives the same numbers on every machine.
 * The generator is mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough for examples.
 */
export class Random {
  #state: number

  /** @param seeds one or several numbers, so that each record can have a stream of its own: `new Random(seed, 7)` */
  constructor(...seeds: number[]) {
    this.#state = seeds.reduce(
      (state, seed) => Math.imul(state ^ seed, 0x9e3779b1) ^ (state >>> 15),
      0x2545f491,
    )
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number, both ends included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)]!
  }

  /** A few different ones, in random order. */
  several<T>(choices: readonly T[], count: number): T[] {
    const left = [...choices]
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(Math.floor(this.next() * left.length), 1),
    ).flat()
  }

  /** `length` characters of an alphabet. */
  text(length: number, alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'): string {
    return Array.from({ length }, () => alphabet[Math.floor(this.next() * alphabet.length)]).join('')
  }

  /** A version 4 UUID (RFC 9562). */
  uuid(): string {
    const hex = this.text(32, '0123456789abcdef')
    const variant = '89ab'[this.integer(0, 3)]!
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  /** A moment between two others, to the millisecond. */
  date(from: Date, to: Date): Date {
    return new Date(from.getTime() + Math.floor(this.next() * (to.getTime() - from.getTime())))
  }
}

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

/** @param milliseconds after the moment, or before it when negative */
export function shifted(moment: Date, milliseconds: number): Date {
  return new Date(moment.getTime() + milliseconds)
}
