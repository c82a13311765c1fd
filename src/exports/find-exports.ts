import type { EntityManager } from '../platform/database.ts'
import { exportProblems } from './errors.ts'
import { Export } from './export.ts'

/** An export as it is now. @throws Problem EXPORT_NOT_FOUND when there is none, or it was deleted */
export async function findExport(em: EntityManager, id: string): Promise<Export> {
  const exported = await em.fork().findOne(Export, { id, deletedAt: null })
  if (exported === null) throw exportProblems.EXPORT_NOT_FOUND(`There is no export ${id}.`)
  return exported
}
