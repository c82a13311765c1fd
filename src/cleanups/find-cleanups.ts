import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { Notice } from '../notifications/notice.ts'
import { Cleanup, type CleanupStatus, type CleanupTarget } from './cleanup.ts'

/** What a list of cleanups is narrowed to. */
export interface CleanupFilter {
  dataset?: string | undefined
  status?: CleanupStatus | undefined
  target?: CleanupTarget | undefined
  /** Those that wait. */
  pending?: boolean | undefined
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findCleanups(
  em: EntityManager,
  { dataset, status, target, pending }: CleanupFilter,
  limit: number,
  before?: string,
): Promise<Cleanup[]> {
  const where: FilterQuery<Cleanup> = {
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(target !== undefined && { target }),
    ...(before !== undefined && { id: { $lt: before } }),
    ...(pending && { $and: [{ status: { $in: ['pending', 'awaiting_confirmation'] } }] }),
  }
  return em.fork().find(Cleanup, where, { orderBy: { id: 'desc' }, limit })
}

/** When the notices of some cleanups were first delivered, by the cleanups' ids. */
export async function noticesSentAt(em: EntityManager, ids: string[]): Promise<Map<string, Date>> {
  const where = {
    aboutType: 'cleanup',
    aboutId: { $in: ids },
    event: 'cleanup_planned',
    deliveredAt: { $ne: null },
  } as const
  const sent = new Map<string, Date>()
  const found = await em.fork().find(Notice, where, { orderBy: { deliveredAt: 'desc' } })
  for (const { aboutId, deliveredAt } of found) sent.set(aboutId, deliveredAt!)
  return sent
}
