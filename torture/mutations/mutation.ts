/** A product that is broken on purpose: one place in its source, and the test that has to notice. */
export interface Mutation {
  /** What it does wrong. */
  name: string
  /** Number of the promise that it breaks, in RELIABILITY.md. */
  promise: number
  /** Relative to src/. */
  file: string
  /** Stands there exactly once. */
  search: string
  replace: string
  /** Relative to test/. */
  test: string
  /** Few enough seconds for every run of the suite. */
  quick?: true
}
