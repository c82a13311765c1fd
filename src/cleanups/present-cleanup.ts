import type { FastifyInstance } from 'fastify'
import type { KeyValue } from '../source/keys.ts'
import type { Cleanup, StoredPlan } from './cleanup.ts'
import { noticesSentAt } from './find-cleanups.ts'
import { countOutcomes, listLeft } from './queries.ts'

const dayMs = 86_400_000
const shownLeft = 200

/** Cleanups as the API's list has them. */
export async function presentCleanups(app: FastifyInstance, cleanups: Cleanup[]) {
  const sent = await noticesSentAt(
    app.orm.em,
    cleanups.map(({ id }) => id),
  )
  return cleanups.map((cleanup) => present(app, cleanup, sent.get(cleanup.id) ?? null))
}

/** One cleanup as the API answers with it: with what was left alone, and how far it is. */
export async function presentCleanup(app: FastifyInstance, cleanup: Cleanup) {
  const { id, target } = cleanup
  const sent = await noticesSentAt(app.orm.em, [id])
  const em = app.orm.em.fork()
  const begun = cleanup.startedAt !== null
  const left = begun ? await listLeft(em, id, 0, shownLeft) : []
  return {
    ...present(app, cleanup, sent.get(id) ?? null),
    progress: cleanup.status === 'removing' ? await progressOf(app, id) : null,
    left: left.map(({ key, outcome, detail }) => ({
      key: target === 'records' ? shortKey(JSON.parse(key) as KeyValue[]) : key,
      code: outcome,
      detail,
    })),
  }
}

async function progressOf({ orm }: FastifyInstance, id: string) {
  const outcomes = await countOutcomes(orm.em.fork(), id)
  const sum = (wanted: (outcome: string | null) => boolean) =>
    outcomes.filter(({ outcome }) => wanted(outcome)).reduce((total, { items }) => total + items, 0)
  return {
    removed: sum((outcome) => outcome === 'REMOVED'),
    left: sum((outcome) => outcome !== null && outcome !== 'REMOVED'),
    total: sum(() => true),
  }
}

function present({ clock }: FastifyInstance, cleanup: Cleanup, noticeSentAt: Date | null) {
  const { id, dataset, scope, target, origin, status, hold, dueAt, noticeRequired, planHash } = cleanup
  const { snapshotId, batchId, blocked, counts, error, createdBy } = cleanup
  const now = clock.now()
  const left = dueAt.getTime() - now.getTime()
  return {
    ...{ id, dataset, scope, target, origin, status, hold },
    dueAt: dueAt.toISOString(),
    isCleanupDue: cleanup.isWaiting() && left <= 0,
    daysUntilCleanup: cleanup.isWaiting() ? Math.max(0, Math.ceil(left / dayMs)) : null,
    noticeRequired,
    noticeSentAt: noticeSentAt?.toISOString() ?? null,
    blockedReason: blocked?.map(({ detail }) => detail).join(' ') ?? null,
    plan: presentPlan(cleanup.plan),
    planHash,
    gate: cleanup.gate && { skipped: cleanup.gate.skipped, snapshotId: cleanup.gate.snapshotId },
    ...{ snapshotId, batchId, counts, error, createdBy },
    progress: null as { removed: number; left: number; total: number } | null,
    left: [] as { key: KeyValue | KeyValue[]; code: string; detail: string }[],
    createdAt: cleanup.createdAt.toISOString(),
    startedAt: cleanup.startedAt?.toISOString() ?? null,
    finishedAt: cleanup.finishedAt?.toISOString() ?? null,
  }
}

/** A plan as the API shows it. */
export function presentPlan({ linesSha256: _ours, ...plan }: StoredPlan) {
  const left = plan.left.map(({ key, ...why }) => ({ key: shortKey(key), ...why }))
  if (!('tables' in plan)) return { ...plan, left }
  const sample = plan.sample.map(({ key, ...record }) => ({ key: shortKey(key), ...record }))
  return { ...plan, left, sample }
}

function shortKey(key: KeyValue[]): KeyValue | KeyValue[] {
  return key.length === 1 ? key[0]! : key
}
