import { raw } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Export } from './export.ts'

/** Exports that wait or are being made, oldest first. */
export async function runningExports(em: EntityManager): Promise<Export[]> {
  return em
    .fork()
    .find(
      Export,
      { status: { $in: ['queued', 'generating'] }, deletedAt: null },
      { orderBy: { id: 'asc' }, limit: 20 },
    )
}

/** Exports that failed, newest first; not those that somebody cancelled. */
export async function failedExports(em: EntityManager, since: Date, limit: number): Promise<Export[]> {
  return em.fork().find(
    Export,
    {
      status: 'failed',
      finishedAt: { $gte: since },
      deletedAt: null,
      [raw("error ->> 'code'")]: { $ne: 'EXPORT_CANCELLED' },
    },
    { orderBy: { id: 'desc' }, limit },
  )
}

/** Completed exports whose time ends next, soonest first. */
export async function expiringExports(em: EntityManager, limit: number): Promise<Export[]> {
  return em
    .fork()
    .find(
      Export,
      { status: 'completed', expiresAt: { $ne: null }, deletedAt: null },
      { orderBy: { expiresAt: 'asc' }, limit },
    )
}
