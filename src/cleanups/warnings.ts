import type { FastifyInstance } from 'fastify'
import type { Actor } from '../audit/actor.ts'
import type { TableNode } from '../datasets/definition.ts'
import { findCovering } from '../snapshots/find-covering.ts'
import type { StoredPlan } from './cleanup.ts'
import type { LeftCode, PlanWarning } from './plan.ts'
import type { CleanupSubject } from './survey-cleanup.ts'

/** What somebody should know before a plan is carried out, the most important first. */
export async function warningsOf(
  app: FastifyInstance,
  { dataset, scope, target }: CleanupSubject,
  plan: StoredPlan,
  actor: Actor,
): Promise<PlanWarning[]> {
  const warnings: PlanWarning[] = []
  const covering = await findCovering(app.orm.em, dataset, scope, new Date(0), actor)
  if (covering === null) {
    const then =
      target === 'records'
        ? 'One of exactly what is removed is taken first, and without it nothing is.'
        : 'A snapshot never holds the files themselves.'
    warnings.push({ code: 'NO_SNAPSHOT', detail: `No snapshot covers these records. ${then}` })
  }
  if ('outside' in plan) warnings.push(...reaching(plan), ...omitted(dataset.root))
  if (plan.kept > 0) {
    const counts = Object.entries(plan.leftCounts).map(
      ([code, count]) => `${count} ${leftWords[code as LeftCode]}`,
    )
    warnings.push({
      code: 'LEFT_ALONE',
      detail: `Left alone although the scope selects them: ${counts.join(', ')}.`,
    })
  }
  if ('missing' in plan && plan.missing > 0)
    warnings.push({ code: 'OBJECTS_MISSING', detail: `${plan.missing} of the objects are not in the store.` })
  return warnings
}

function reaching({ outside, triggers }: Extract<StoredPlan, { outside: unknown }>): PlanWarning[] {
  const cascades = { cascade: 'delete them too', 'set null': 'empty their columns' } as Record<string, string>
  return [
    ...outside.map(({ table, constraint, onDelete, pointsAt, rows, records }) => {
      const effect = cascades[onDelete]
      const would = effect === undefined ? 'refuse the delete' : `${effect}, which no snapshot could undo`
      return {
        code: effect === undefined ? 'REFERENCED' : 'CASCADE',
        detail: `${rows} rows of ${table} that stay point at ${pointsAt} (${constraint}, ON DELETE ${onDelete.toUpperCase()}): PostgreSQL would ${would}. The ${records} records that they point at are left alone.`,
      }
    }),
    ...triggers.map(({ table, trigger }) => ({
      code: 'TRIGGER',
      detail: `${table} has the trigger ${trigger}, which runs on each delete. If it deletes anything else, the chunk is taken back.`,
    })),
  ]
}

function omitted({ name, omitted: columns, children }: TableNode): PlanWarning[] {
  const own = columns.map((column) => column.name).join(', ')
  const here =
    own === ''
      ? []
      : [
          {
            code: 'OMITTED',
            detail: `${name}: what ${own} hold is in no snapshot, as the dataset declares, and is lost.`,
          },
        ]
  return [...here, ...children.flatMap(omitted)]
}

/** Why something is left alone, after `Left alone:`. */
export const leftWords: Record<LeftCode, string> = {
  PROTECTED: 'protected',
  HELD: 'held',
  REFERENCED: 'pointed at by rows that stay',
  PLANNED: 'in another cleanup that waits',
  UNDELIVERED: 'not delivered',
  CHANGED: 'changed',
  GONE: 'gone',
  LOCKED: 'in use',
  REFUSED: 'refused by the source',
}
