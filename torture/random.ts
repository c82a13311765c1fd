/** Numbers that look random and follow from a seed alone, so that a run can be repeated. */
export interface Random {
  /** From 0 inclusive to 1 exclusive. */
  (): number
  /** A whole number from 0 inclusive to `end` exclusive. */
  below(end: number): number
  pick<T>(of: readonly T[]): T
  /** Another source, which goes its own way from here. */
  fork(): Random
}

/** mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (end: number) => Math.floor(next() * end)
  return Object.assign(next, {
    below,
    pick: <T>(of: readonly T[]): T => of[below(of.length)]!,
    fork: () => seeded(below(4_294_967_296)),
  })
}
