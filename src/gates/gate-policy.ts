import type { Dataset } from '../datasets/definition.ts'
import { parseDuration } from '../platform/durations.ts'

/** What a gate stands before. `delete` is the application's own, `cleanup` Holdfast's. */
export const operations = ['export', 'delivery', 'delete', 'cleanup', 'sync'] as const
export type GatedOperation = (typeof operations)[number]

/** How old the snapshot may be where the dataset doesn't say. */
const defaultMaxAge = '1h'

export interface GateRule {
  /** As declared, such as `1h`. */
  maxAge: string
  maxAgeMs: number
}

/** The dataset's rule for an operation; null where it asks for no snapshot. */
export function gateRule(
  { policies }: Pick<Dataset, 'policies'>,
  operation: GatedOperation,
): GateRule | null {
  const declared = policies.gate?.[operation] ?? true
  if (declared === false) return null
  const maxAge = (declared === true ? undefined : declared.maxAge) ?? defaultMaxAge
  return { maxAge, maxAgeMs: parseDuration(maxAge) }
}
