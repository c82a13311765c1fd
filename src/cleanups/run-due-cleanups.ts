import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import { systemActor } from '../audit/actor.ts'
import { judgeGate } from '../gates/judge-gate.ts'
import { Problem } from '../platform/errors.ts'
import { noticeState } from '../notifications/announce.ts'
import type { EntityManager } from '../platform/database.ts'
import { auditCleanup, lockCleanup, topicOf } from './attempts.ts'
import { blockersOf, type Conditions } from './blockers.ts'
import { Cleanup, type CodedReason } from './cleanup.ts'
import { startCleanup } from './start-cleanup.ts'

export interface DueRun {
  cause: Cause
  signal?: AbortSignal
  /** Told of each that is started. */
  onStart?: (id: string) => void
}

/**
 * Starts every cleanup whose deadline has come and whose conditions still hold at this moment: not held, its notice
 * delivered, its gate open, within its limit. The others wait, say why, and are asked again the next time.
 * @returns how many were started, wait for somebody (a hold, a confirmation), or are blocked
 */
export async function runDueCleanups(
  app: FastifyInstance,
  { cause, signal, onStart = () => undefined }: DueRun,
): Promise<{ started: number; waiting: number; blocked: number }> {
  const counts = { started: 0, waiting: 0, blocked: 0 }
  const where = {
    status: { $in: ['pending', 'awaiting_confirmation'] },
    dueAt: { $lte: app.clock.now() },
  } as const
  const due = await app.orm.em.fork().find(Cleanup, where, { fields: ['id'], orderBy: { dueAt: 'asc' } })
  for (const { id } of due) {
    signal?.throwIfAborted()
    const blockers = await runDueCleanup(app, id, cause)
    if (blockers === null) continue
    if (blockers.length === 0) {
      counts.started++
      onStart(id)
    } else if (blockers.some(({ code }) => needsSomebody.has(code))) counts.waiting++
    else counts.blocked++
  }
  return counts
}

const needsSomebody = new Set(['CLEANUP_HELD', 'OVER_LIMIT'])

/** @returns why not; empty when it was started; null when it waits no longer */
async function runDueCleanup(app: FastifyInstance, id: string, cause: Cause): Promise<CodedReason[] | null> {
  return app.orm.em.fork().transactional(async (em) => {
    const cleanup = await lockCleanup(em, id)
    if (!cleanup.isWaiting()) return null
    const conditions = await conditionsOf(app, em, cleanup)
    const blockers = blockersOf(cleanup, conditions, app.clock.now())
    if (blockers.length > 0) await keepWaiting(app, em, cleanup, blockers, cause)
    else {
      const { id: snapshotId = null, takenAt = null } = conditions.gateSnapshot ?? {}
      const gate = { skipped: cleanup.skipSnapshotCheck, snapshotId, snapshotAt: takenAt }
      await startCleanup(app, em, cleanup, gate, cause)
    }
    return blockers
  })
}

async function keepWaiting(
  app: FastifyInstance,
  em: EntityManager,
  cleanup: Cleanup,
  blockers: CodedReason[],
  cause: Cause,
): Promise<void> {
  const said = (cleanup.blocked ?? []).map(({ code }) => code).join(' ')
  if (said === blockers.map(({ code }) => code).join(' ')) return
  cleanup.blocked = blockers
  await auditCleanup(em, cleanup, 'blocked', cause, { metadata: { blockers } })
  await app.signals.send(em, topicOf(cleanup.id))
}

/** What decides now, besides the cleanup itself. */
export async function conditionsOf(
  app: FastifyInstance,
  em: EntityManager,
  cleanup: Cleanup,
): Promise<Conditions & { gateSnapshot: { id: string; takenAt: Date } | null }> {
  const notice = await noticeState(em, { type: 'cleanup', id: cleanup.id }, 'cleanup_planned')
  if (cleanup.skipSnapshotCheck) return { notice, gate: null, gateSnapshot: null }
  try {
    const dataset = app.datasets.get(cleanup.dataset)
    const gate = await judgeGate(app, dataset, cleanup.scope, 'cleanup', systemActor)
    return { notice, gate, gateSnapshot: gate.open ? gate.snapshot : null }
  } catch (error) {
    // A dataset that can't be used now, or is gone: nobody can tell what its gate asks for.
    if (!(error instanceof Problem)) throw error
    return { notice, gate: { open: false, code: null, detail: error.message }, gateSnapshot: null }
  }
}
