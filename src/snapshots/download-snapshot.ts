import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import type { Download } from '../platform/downloads.ts'
import { readArtifact } from './artifact-reader.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import { fileName } from './file-names.ts'
import { readManifest } from './manifests.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * A snapshot's artifact as a file: uncompressed, each part checked against the manifest as it is read; or as it is
 * stored, for those who decompress it themselves.
 * @throws Problem SNAPSHOT_NOT_COMPLETED, SNAPSHOT_CORRUPT, STORE_UNREACHABLE
 */
export async function openDownload({ stores }: FastifyInstance, snapshot: Snapshot): Promise<Download> {
  const completed = snapshot.requireCompleted()
  const { dataset, scope, takenAt, sha256, bytes, storedBytes, key } = completed
  const manifest = await readManifest(stores.main, completed)
  return {
    bytes,
    open: async (range) => readArtifact(stores.main, manifest, range),
    etag: sha256,
    filename: fileName(dataset, scope, takenAt, 'json'),
    contentType: 'application/json; charset=utf-8',
    sha256,
    modifiedAt: takenAt,
    encoding: { zstd: { bytes: storedBytes, open: (range) => stores.main.get(key, range) } },
  }
}

/** Writes down that somebody is given a snapshot's content, before the first byte of it goes out. */
export async function recordDownload(
  { orm }: FastifyInstance,
  snapshot: Snapshot,
  cause: Cause,
  range: string | undefined,
): Promise<void> {
  const metadata = { sha256: snapshot.sha256, ...(range !== undefined && { range }) }
  await orm.em.fork().transactional((em) => auditSnapshot(em, snapshot, 'downloaded', cause, { metadata }))
}
