import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { announce } from '../notifications/announce.ts'
import { failpoint } from '../platform/failpoints.ts'
import { lockAttempt, topicOf, type Attempt } from './attempts.ts'
import { auditExport } from './audit-export.ts'
import type { Export, StoredExport } from './export.ts'
import { manifestKey } from './file-names.ts'
import { manifestOf } from './manifest.ts'
import { progressReporter } from './report-progress.ts'
import { storeExport } from './store-export.ts'

/**
 * Makes an export: renders and stores it, reads back and hashes what was stored, and only then makes it count.
 * @throws Superseded when the attempt counts no longer; as storeExport does
 */
export async function produceExport(
  app: FastifyInstance,
  { dataset: name, scope, format, includeChildren, title, createdBy }: Export,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<void> {
  const dataset = await app.datasets.current(name)
  const progress = progressReporter(app, attempt)
  try {
    const stored = await storeExport(app.stores.main, attempt.key, {
      source: app.datasets.source(dataset),
      dataset,
      scope,
      format,
      includeChildren,
      title,
      createdBy: createdBy ?? 'Holdfast',
      now: () => app.clock.now(),
      onProgress: progress.report,
      signal,
    })
    await failpoint('export.stored')
    await publish(app, attempt, stored)
    await failpoint('export.published')
  } finally {
    await progress.settled()
  }
}

/**
 * The manifest is written last and before the commit: a crash in between leaves a file that nothing lists. The row's
 * lock keeps a cancellation or a later attempt from coming between the two.
 */
async function publish(app: FastifyInstance, attempt: Attempt, stored: StoredExport): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const exported = await lockAttempt(em, attempt)
    exported.complete(stored, app.clock.now())
    const manifest = Buffer.from(JSON.stringify(manifestOf(exported.requireCompleted()), null, 2))
    await app.stores.main.put(manifestKey(attempt.key), manifest)
    await failpoint('export.manifest-written')
    const { id, dataset, format, counts, bytes, sha256 } = exported
    const metadata = { sha256, bytes, counts }
    await auditExport(em, exported, 'completed', { actor: systemActor }, { metadata })
    const facts = { exportId: id, format, counts, bytes }
    await announce(app, em, { event: 'export_ready', dataset, about: { type: 'export', id }, facts })
    await app.signals.send(em, topicOf(id))
  })
}
