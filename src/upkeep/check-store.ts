import type { FastifyInstance } from 'fastify'
import { Problem } from '../platform/errors.ts'
import type { Occurrence, RunOutcome } from '../schedules/schedules.ts'
import { Snapshot } from '../snapshots/snapshot.ts'
import { verifySnapshot } from '../snapshots/verify-snapshot.ts'

/** Within how many days every artifact is read again. Two runs may fail and it is still within 30. */
const roundDays = 28

const dayMs = 86_400_000

/**
 * Reads a share of the artifacts again, those that were read the longest ago: as many as it takes to get round in time, and
 * all that are overdue. One that is not what was written is announced.
 * @throws Problem STORE_UNREACHABLE, which says nothing about any artifact
 */
export async function checkStore(app: FastifyInstance, occurrence: Occurrence): Promise<RunOutcome> {
  const counts = { read: 0, bytes: 0, damaged: 0 }
  for (const id of await nextToRead(app)) {
    occurrence.signal.throwIfAborted()
    const result = await readAgain(app, id, occurrence)
    if (result === null) continue
    counts.read += 1
    counts.bytes += result.bytes
    if (!result.ok) counts.damaged += 1
  }
  return { counts }
}

async function nextToRead({ orm, clock }: FastifyInstance): Promise<string[]> {
  const em = orm.em.fork()
  const good = { status: 'completed', deletedAt: null } as const
  const overdueSince = new Date(clock.now().getTime() - roundDays * dayMs)
  const [all, overdue] = await Promise.all([
    em.count(Snapshot, good),
    em.count(Snapshot, { ...good, verifiedAt: { $lte: overdueSince } }),
  ])
  const limit = Math.max(Math.ceil(all / roundDays), overdue)
  const found = await em.find(Snapshot, good, { fields: ['id'], orderBy: { verifiedAt: 'asc' }, limit })
  return found.map(({ id }) => id)
}

/** @returns null when it went away in the meantime */
async function readAgain(app: FastifyInstance, id: string, { cause, signal }: Occurrence) {
  try {
    return await verifySnapshot(app, id, cause, signal)
  } catch (error) {
    if (error instanceof Problem && /^SNAPSHOT_NOT_(FOUND|COMPLETED)$/.test(error.code)) return null
    throw error
  }
}
