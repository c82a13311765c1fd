const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** The pattern of durations in requests and dataset files: a whole number and a unit, such as `90s`, `1h`, `7d`. */
export const durationPattern = '^[1-9][0-9]{0,5}[smhdw]$'

/**
 * @param text a duration as `durationPattern` describes it; days have 24 hours
 * @returns milliseconds
 * @throws RangeError when the text is no such duration
 */
export function parseDuration(text: string): number {
  const unit = units[text.at(-1) ?? '']
  if (unit === undefined || !new RegExp(durationPattern).test(text)) {
    throw new RangeError(`"${text}" is not a duration such as 90s, 15m, 1h, 7d or 4w`)
  }
  return Number(text.slice(0, -1)) * unit * 1000
}
