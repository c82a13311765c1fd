import type { EntityManager } from '../platform/database.ts'
import { Notice } from '../notifications/notice.ts'

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
