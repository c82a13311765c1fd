import { url } from '../platform/components.ts'
import type { EntityManager } from '../platform/database.ts'
import { listAudit, type AuditFilter } from './list-audit.ts'
import { presentEntry } from './schemas.ts'

/** How many of the latest entries stand on the page of what they are about. */
const shown = 10

/**
 * What the audit log says of one thing, newest first, for its page.
 * @param entity as entries name it, such as `{ type: 'snapshot', id }`; of a dataset, all that concerns it
 * @returns `path` leads to all of it
 */
export async function trailOf(em: EntityManager, entity: { type: string; id: string }) {
  const filter = filterOf(entity)
  const { entries, nextCursor } = await listAudit(em, filter, { limit: shown })
  return {
    entries: entries.map(presentEntry),
    isAll: nextCursor === null,
    path: url('/audit', { ...filter }),
  }
}

function filterOf({ type, id }: { type: string; id: string }): AuditFilter {
  return type === 'dataset' ? { dataset: id } : { entityType: type, entityId: id }
}
