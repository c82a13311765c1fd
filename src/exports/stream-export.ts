import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { appendAudit } from '../audit/append-audit.ts'
import { newId } from '../platform/entity.ts'
import { fileName } from '../snapshots/file-names.ts'
import { tableNodes } from '../snapshots/capture.ts'
import { describeFailure } from './fail-export.ts'
import { renderExport } from './render-export.ts'
import { fileKind, withoutChildren } from './rendering.ts'
import { allowExport, type WantedExport } from './request-export.ts'
import { hashed } from './store-export.ts'

/** An export on its way to whoever asked for it, without being stored. */
export interface StreamedExport {
  filename: string
  contentType: string
  /** Fails when the export does, so that what was sent is never taken for the whole. */
  content: Readable
  /** SHA-256 of what was sent, hex; known at the end. */
  digest: Promise<string>
}

/**
 * Renders a scope straight to the caller. What was sent is written down: that it began before the first byte goes out,
 * and how it ended, with the SHA-256.
 * @param signal aborts when the caller goes away
 * @returns when the first bytes are there
 * @throws as `allowExport` does, and whatever goes wrong before the first bytes
 */
export async function streamExport(
  app: FastifyInstance,
  wanted: WantedExport,
  cause: Cause,
  signal: AbortSignal,
): Promise<StreamedExport> {
  const { dataset: found, scope, format, includeChildren, gate } = await allowExport(app, wanted, cause)
  const dataset = await app.datasets.current(found.name)
  const id = newId()
  const about = { dataset: dataset.name, scope, format, includeChildren, gate }
  const audit = (done: string, metadata: object = {}, outcome: 'done' | 'failed' = 'done') =>
    app.orm.em.fork().transactional((em) =>
      appendAudit(em, {
        ...cause,
        action: `export.${done}`,
        outcome,
        entityType: 'export',
        entityIds: [id],
        dataset: dataset.name,
        metadata: { ...about, ...metadata },
      }),
    )
  await audit('streaming')

  const content = new PassThrough({ highWaterMark: 262_144 })
  const started = Promise.withResolvers<void>()
  content.once('readable', started.resolve).once('error', started.reject)
  const hash = createHash('sha256')
  let bytes = 0
  const rendering = renderExport(
    {
      source: app.datasets.source(dataset),
      dataset,
      scope,
      format,
      includeChildren,
      title: wanted.title ?? null,
      createdBy: cause.actor.email ?? cause.actor.name,
      now: () => app.clock.now(),
      onProgress: (progress) => (bytes = progress.bytes),
      signal,
    },
    // Its end is held back until the instant is given back and all has been counted and written down.
    (chunks) => pipeline(Readable.from(hashed(chunks, hash), { objectMode: false }), content, { end: false }),
  )
  const digest = rendering.then(
    async ({ counts, takenAt }) => {
      const sha256 = hash.digest('hex')
      await audit('streamed', { sha256, bytes, counts, takenAt: takenAt.toISOString() })
      content.end()
      return sha256
    },
    async (error: Error) => {
      content.destroy(error)
      await audit('failed', { bytes, error: describeFailure(error) }, 'failed')
      throw error
    },
  )
  digest.catch(() => undefined)
  await started.promise

  const tables = tableNodes(includeChildren ? dataset.root : withoutChildren(dataset).root)
  const { extension, contentType } = fileKind(format, tables.length)
  return {
    filename: fileName(dataset.name, scope, app.clock.now(), extension),
    contentType,
    content,
    digest,
  }
}
