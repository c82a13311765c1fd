import type { FilterQuery } from '@mikro-orm/core'
import type { EntityManager } from '../platform/database.ts'
import { exportProblems } from './errors.ts'
import { Export, type ExportStatus } from './export.ts'
import type { ExportFormat } from './rendering.ts'

/** An export as it is now. @throws Problem EXPORT_NOT_FOUND when there is none, or it was deleted */
export async function findExport(em: EntityManager, id: string): Promise<Export> {
  const exported = await em.fork().findOne(Export, { id, deletedAt: null })
  if (exported === null) throw exportProblems.EXPORT_NOT_FOUND(`There is no export ${id}.`)
  return exported
}

/** What a list of exports is narrowed to. */
export interface ExportFilter {
  dataset?: string | undefined
  status?: ExportStatus | undefined
  format?: ExportFormat | undefined
  /** Asked for at or after, and before. */
  from?: Date | undefined
  to?: Date | undefined
  /** Further conditions. */
  and?: FilterQuery<Export>[]
}

/** @param before the last id of the page before @returns newest first; ids are ordered by time */
export async function findExports(
  em: EntityManager,
  { dataset, status, format, from, to, and = [] }: ExportFilter,
  limit: number,
  before?: string,
): Promise<Export[]> {
  const where: FilterQuery<Export> = {
    deletedAt: null,
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
    ...(format !== undefined && { format }),
    createdAt: { ...(from && { $gte: from }), ...(to && { $lt: to }) },
    ...(before !== undefined && { id: { $lt: before } }),
    $and: and,
  }
  return em.fork().find(Export, where, { orderBy: { id: 'desc' }, limit })
}
