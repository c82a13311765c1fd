import type { FastifyInstance } from 'fastify'
import { topicOf } from '../snapshots/attempts.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import type { Snapshot } from '../snapshots/snapshot.ts'

/** How long is waited at a time: then it is looked whether anybody still wants to know. */
const lookMs = 5000

/** Waits until a snapshot has come to its end, good or bad. @throws the signal's reason when it aborts */
export async function finishedSnapshot(
  app: FastifyInstance,
  id: string,
  signal: AbortSignal,
): Promise<Snapshot> {
  const look = async () => {
    const snapshot = await findSnapshot(app.orm.em, id)
    return snapshot.isUnfinished() ? null : snapshot
  }
  for (;;) {
    signal.throwIfAborted()
    const found = await app.signals.waitFor(topicOf(id), look, lookMs)
    if (found !== null) return found
  }
}
