import { raw } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { summaryByDataset, type DatasetSummary } from './queries.ts'
import { Snapshot } from './snapshot.ts'

export type { DatasetSummary } from './queries.ts'

/** How the snapshots of each dataset stand: how many, how large, the last good one, and whether the latest failed. */
export async function summarizeSnapshots(em: EntityManager): Promise<Map<string, DatasetSummary>> {
  const rows = await em.fork().execute<(DatasetSummary & { dataset: string })[]>(summaryByDataset)
  return new Map(rows.map(({ dataset, ...summary }) => [dataset, summary]))
}

/** Snapshots that wait or are being taken, oldest first. */
export async function runningSnapshots(em: EntityManager): Promise<Snapshot[]> {
  return em
    .fork()
    .find(
      Snapshot,
      { status: { $in: ['queued', 'generating'] }, deletedAt: null },
      { orderBy: { id: 'asc' }, limit: 20 },
    )
}

/** Snapshots that failed, newest first; not those that somebody cancelled. */
export async function failedSnapshots(em: EntityManager, since: Date, limit: number): Promise<Snapshot[]> {
  return em.fork().find(
    Snapshot,
    {
      status: 'failed',
      finishedAt: { $gte: since },
      deletedAt: null,
      [raw("error ->> 'code'")]: { $ne: 'SNAPSHOT_CANCELLED' },
    },
    { orderBy: { id: 'desc' }, limit },
  )
}

/** Completed snapshots whose time ends next, soonest first. Held ones stay. */
export async function expiringSnapshots(em: EntityManager, limit: number): Promise<Snapshot[]> {
  return em
    .fork()
    .find(
      Snapshot,
      { status: 'completed', hold: false, expiresAt: { $ne: null }, deletedAt: null },
      { orderBy: { expiresAt: 'asc' }, limit },
    )
}
