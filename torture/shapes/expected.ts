import type { Observed } from './observe.ts'

export type Mode = 'replace' | 'merge' | 'missing'

export interface Sides {
  before: Observed[]
  spoilt: Observed[]
  /** Whether a row is in the scope, where it stands. */
  within: (row: Observed) => boolean
}

const known = ({ table, identity }: Observed) => `${table.name} ${identity}`

/** @returns the rows there have to be after a restore of what was before */
export function expected(mode: Mode, { before, spoilt, within }: Sides): Observed[] {
  const stored = before.filter(within)
  if (mode === 'replace') return [...stored, ...spoilt.filter((row) => !within(row))]
  const [first, then] = mode === 'merge' ? [stored, spoilt] : [spoilt, stored]
  const there = new Set(first.map(known))
  return [...first, ...then.filter((row) => !there.has(known(row)))]
}

/**
 * Whether a blocker is right, by own reckoning: of the rows that come back or stay two have the same unique values, or a row
 * that comes back stands elsewhere now.
 */
export function isDue(code: string, sides: Sides): boolean {
  if (code === 'VALUE_TAKEN')
    return ['merge', 'missing'].some((mode) => isDouble(expected(mode as Mode, sides)))
  if (code !== 'ROW_ELSEWHERE') return false
  const places = new Map(sides.spoilt.map((row) => [known(row), row.place]))
  return sides.before.filter(sides.within).some((row) => (places.get(known(row)) ?? row.place) !== row.place)
}

function isDouble(rows: Observed[]): boolean {
  const values = rows.flatMap(({ table, unique }) =>
    unique.flatMap((value, i) => (value === null ? [] : [`${table.name} ${i} ${value}`])),
  )
  return new Set(values).size < values.length
}
