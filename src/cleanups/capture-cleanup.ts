import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { systemActor } from '../audit/actor.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import { keyText } from '../holds/hold.ts'
import { isDatabaseGone } from '../platform/database-failures.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { JobRun } from '../platform/queue.ts'
import { captureArtifact, type CapturedArtifact } from '../snapshots/artifact.ts'
import type { RecordLine } from '../snapshots/capture.ts'
import { describeFailure } from '../snapshots/fail-snapshot.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { produceSnapshot, type CaptureTarget } from '../snapshots/produce-snapshot.ts'
import { discardSnapshot, discardUnfinished, openSafetySnapshot } from '../snapshots/safety-snapshot.ts'
import { snapshotProblems } from '../snapshots/errors.ts'
import {
  auditCleanup,
  beginAttempt,
  changeAttempt,
  Superseded,
  watchAttempt,
  type Attempt,
} from './attempts.ts'
import type { Cleanup } from './cleanup.ts'
import { ChunkCutter } from './cut-chunks.ts'
import { cleanupProblems } from './errors.ts'
import { assignChunks, firstKeys, forgetChunks, leaveUncaptured, plannedOf } from './queries.ts'
import { requireRemovable } from './require-removable.ts'
import { beginRemoval } from './start-cleanup.ts'

const system = { actor: systemActor }

/**
 * Captures exactly what a cleanup is to remove: stored, read back, hashed, published. Only then does the removal begin.
 * Starts over when an earlier run died; nothing is removed before it has come to its end.
 */
export async function captureCleanup(app: FastifyInstance, id: string, run: JobRun): Promise<void> {
  const begun = await beginAttempt(app, id)
  if (begun === null) return
  const { cleanup, attempt } = begun
  await failpoint('cleanup.capture-begun')
  const watch = watchAttempt(app, attempt)
  try {
    await discardUnfinished(app, { cleanupId: id }, describeFailure(interrupted()))
    const signal = AbortSignal.any([run.signal, watch.signal])
    const snapshotId = await capture(app, cleanup, signal)
    await failpoint('cleanup.captured')
    await changeAttempt(app, attempt, async (current, em) => {
      await leaveUncaptured(em, id)
      await beginRemoval(app, em, current, snapshotId, system)
      await em.flush()
      await auditCleanup(em, current, 'captured', system)
    })
    await failpoint('cleanup.removal-begun')
  } catch (error) {
    if (run.signal.aborted || isDatabaseGone(error)) throw error
    if (!(error instanceof Superseded)) await recordFailure(app, attempt, error)
  } finally {
    watch.stop()
  }
}

/** @returns the snapshot's id */
async function capture(app: FastifyInstance, cleanup: Cleanup, signal: AbortSignal): Promise<string> {
  const dataset = await app.datasets.current(cleanup.dataset)
  await requireRemovable(app, dataset, cleanup.target)
  await app.orm.em.fork().transactional((em) => forgetChunks(em, cleanup.id))
  const attempt = await openSafetySnapshot(app, {
    ...{
      dataset,
      scope: await capturedScope(app, cleanup),
      trigger: 'pre_cleanup',
      title: 'Before a cleanup',
    },
    ...{ restoreId: null, cleanupId: cleanup.id, createdBy: cleanup.createdBy ?? null },
  })
  try {
    const picked = new Picked(app, cleanup)
    const work = (target: CaptureTarget) => captureLines(app, cleanup, dataset, picked, target)
    await produceSnapshot(app, attempt, work, signal)
    return attempt.snapshotId
  } catch (error) {
    await discardSnapshot(app, attempt.snapshotId, describeFailure(error))
    throw error
  }
}

/** A scope lists the keys up to this many; beyond it repeats the cleanup's scope. */
const listedKeys = 1000

async function capturedScope({ orm }: FastifyInstance, { id, scope }: Cleanup): Promise<Scope> {
  const keys = await firstKeys(orm.em.fork(), id, listedKeys)
  if (keys.length > listedKeys) return scope
  const short = (key: KeyValue[]) => (key.length === 1 ? key[0]! : key)
  return { keys: keys.map((key) => short(JSON.parse(key) as KeyValue[])) }
}

async function captureLines(
  app: FastifyInstance,
  cleanup: Cleanup,
  dataset: Awaited<ReturnType<FastifyInstance['datasets']['current']>>,
  picked: Picked,
  target: CaptureTarget,
): Promise<CapturedArtifact> {
  const artifact = await captureArtifact({
    ...target,
    ...{
      source: app.datasets.source(dataset),
      dataset,
      scope: cleanup.scope,
      few: false,
      trigger: 'pre_cleanup',
    },
    condition: scopeLiteral(dataset, cleanup.scope),
    now: () => app.clock.now(),
    pick: (lines) => picked.pick(lines),
  })
  if (cleanup.exact && picked.digest() !== cleanup.plan.linesSha256)
    throw cleanupProblems.PLAN_DRIFTED(
      'Records have moved since the plan was confirmed. Nothing was removed.',
    )
  return artifact
}

/** Picks the planned records out of all that the scope selects, and puts them into chunks. */
class Picked {
  #app: FastifyInstance
  #cleanup: Cleanup
  #digest = createHash('sha256')
  #cutter = new ChunkCutter()

  constructor(app: FastifyInstance, cleanup: Cleanup) {
    this.#app = app
    this.#cleanup = cleanup
  }

  async pick(lines: RecordLine[]): Promise<RecordLine[]> {
    for (const { json } of lines) this.#digest.update(json).update('\n')
    const em = this.#app.orm.em.fork()
    const keys = lines.map(({ key }) => keyText(key))
    const planned = await plannedOf(em, this.#cleanup.id, keys)
    const picked = lines.filter((_, i) => planned.has(keys[i]!))
    const chunks = picked.map((line) => ({ key: keyText(line.key), chunk: this.#cutter.chunkOf(line) }))
    await assignChunks(em, this.#cleanup.id, chunks)
    return picked
  }

  /** SHA-256, hex, over every line that went by. */
  digest(): string {
    return this.#digest.digest('hex')
  }
}

async function recordFailure(app: FastifyInstance, attempt: Attempt, error: unknown): Promise<void> {
  if (!(error instanceof Problem))
    app.log.error({ err: error, cleanup: attempt.cleanupId }, 'a cleanup could not be captured')
  const { code, detail } = describeFailure(error)
  const told =
    code === 'PLAN_DRIFTED' || code === 'SOURCE_PERMISSION_MISSING'
      ? { code, detail }
      : {
          code: 'BACKUP_FAILED',
          detail: `What was to be removed could not be captured, so nothing was. ${detail}`,
        }
  await changeAttempt(app, attempt, async (cleanup, em) => {
    cleanup.fail(told, app.clock.now())
    await auditCleanup(em, cleanup, 'failed', system, { metadata: { error: told }, outcome: 'failed' })
  }).catch((failure: unknown) => {
    if (!(failure instanceof Superseded)) throw failure
  })
}

function interrupted() {
  return snapshotProblems.SNAPSHOT_INTERRUPTED('The service stopped while it was captured.')
}
