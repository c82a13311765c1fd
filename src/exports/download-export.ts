import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import type { Download } from '../platform/downloads.ts'
import { auditExport } from './audit-export.ts'
import type { Export } from './export.ts'
import { manifestOf } from './manifest.ts'

/**
 * An export's file, as it lies in the store.
 * @throws Problem EXPORT_NOT_COMPLETED
 */
export function openDownload({ stores }: FastifyInstance, exported: Export): Download {
  const completed = exported.requireCompleted()
  const { name, contentType, bytes, sha256, key } = manifestOf(completed).file
  return {
    bytes,
    open: (range) => stores.main.get(key, range),
    etag: sha256,
    filename: name,
    contentType,
    sha256,
    modifiedAt: completed.takenAt,
  }
}

/** Writes down that somebody is given an export's content, before the first byte of it goes out. */
export async function recordDownload(
  { orm }: FastifyInstance,
  exported: Export,
  cause: Cause,
  range: string | undefined,
): Promise<void> {
  const metadata = { sha256: exported.sha256, ...(range !== undefined && { range }) }
  await orm.em.fork().transactional((em) => auditExport(em, exported, 'downloaded', cause, { metadata }))
}
