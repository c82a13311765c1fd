/** Looks at one figure over time: when, in minutes, and how much. */
export type Series = readonly (readonly [minutes: number, value: number])[]

/** What the line of least squares through a series rises by in a minute. */
export function slopeOf(series: Series): number {
  const n = series.length
  const [x, y] = [mean(series.map(([at]) => at)), mean(series.map(([, value]) => value))]
  const spread = series.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
  if (n < 2 || spread === 0) return 0
  return series.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread
}

/** How much a figure grew over the second half of the time that was looked at, along the line through it. */
export function growthOf(series: Series): number {
  const half = series.slice(Math.floor(series.length / 2))
  return half.length < 2 ? 0 : slopeOf(half) * (half.at(-1)![0] - half[0]![0])
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
