import { changes } from './changes.ts'
import type { Ground } from './ground.ts'
import { nothingToChange } from './nothing-to-change.ts'
import { oneRecord } from './one-record.ts'
import type { Section } from './report.ts'
import { restore } from './restore.ts'
import { snapshot } from './snapshot.ts'

/** The size that the suite measures at: small, so that fixed costs weigh more and ratios are higher than at large. */
export const shortForm = { sessions: 1000, messages: 20 }

export interface KnownRatio {
  benchmark: (ground: Ground) => Promise<Section>
  figure: string
  baseline: string
  ratio: number
}

/** What the ratios are at that size; the suite fails when one is more than twice as high even in the best of its rounds. */
export const knownRatios: KnownRatio[] = [
  { benchmark: snapshot, figure: 'snapshot', baseline: 'COPY', ratio: 5 },
  { benchmark: nothingToChange, figure: 'restore', baseline: 'snapshot', ratio: 1.4 },
  { benchmark: changes, figure: 'what changed', baseline: 'snapshot', ratio: 0.8 },
  { benchmark: restore, figure: 'restore', baseline: 'COPY FROM', ratio: 1.7 },
  { benchmark: oneRecord, figure: 'restore', baseline: 'snapshot', ratio: 5 },
]

/** How many times the memory of bench/bare.ts the service holds at rest after its start. */
export const knownMemory = 1.55

/** How many times that the suite lets pass. */
export const allowedMemory = 1.1
