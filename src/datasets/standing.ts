import type { Static } from 'typebox'
import type { Actor } from '../audit/actor.ts'
import type { Dataset } from './definition.ts'
import type { Freshness } from './schemas.ts'
import type { ChosenScope } from './scope-link.ts'

/** How the snapshots of each dataset stand, by its name. */
export type ReadFreshness = () => Promise<ReadonlyMap<string, Static<typeof Freshness>>>

/** Whether an operation on all records of a dataset may go ahead now. */
export interface Verdict {
  operation: string
  open: boolean
  /** Why it is closed; null when it is open. */
  code: string | null
  /** How old the snapshot may be; null when none is asked for. */
  maxAge: string | null
  /** The one that it goes by. */
  snapshot: { id: string; scope: unknown; takenAt: Date } | null
  /** What of the records that snapshot does not cover. */
  missing: string | null
  /** The form after which the gate is open; null when it is. */
  clearing: (ChosenScope & { dataset: string; reuseWithin: string }) | null
}

/** What the gates of a dataset say of all its records, operation by operation. */
export type ReadVerdicts = (dataset: Dataset, actor: Actor) => Promise<Verdict[]>

/** What features that come later tell of how a dataset stands. */
export interface Standing {
  readFreshness: ReadFreshness
  readVerdicts: ReadVerdicts
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Tells datasets how their snapshots stand; for the feature that takes snapshots, which comes after this one. */
    tellFreshness(read: ReadFreshness): void
    /** Tells datasets what their gates say; for the feature that judges. */
    tellVerdicts(read: ReadVerdicts): void
  }
}
