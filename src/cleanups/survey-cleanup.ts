import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Dataset } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import type { Scope } from '../datasets/scope.ts'
import { allHeldKeys } from '../holds/find-holds.ts'
import { keyText } from '../holds/hold.ts'
import type { EntityManager } from '../platform/database.ts'
import type { CleanupTarget, StoredPlan } from './cleanup.ts'
import { insertItems, plannedElsewhere } from './queries.ts'
import { surveyFiles } from './survey-files.ts'
import { surveyRecords } from './survey-records.ts'

export interface SurveyedCleanup {
  plan: StoredPlan
  /** Over everything that the scope selects, and what is left alone of it. */
  planHash: string
  /** Records or objects that would be removed. */
  removes: number
  /** Records that the dataset has; null for files. */
  datasetRecords: number | null
}

export interface CleanupSubject {
  dataset: Dataset
  scope: Scope
  target: CleanupTarget
}

/** Where what is planned is written down, in whose transaction. */
export interface PlanKeeper {
  em: EntityManager
  cleanupId: string
  /** What another cleanup that waits has already is left to that one. */
  skipPlanned: boolean
  /** Which of some objects may go at all. */
  only?: (keys: string[]) => Promise<Set<string>>
}

/**
 * Goes through all that a scope selects and tells what a cleanup of it would remove. The same data gives the same hash.
 * @param keeper null for a preview, which leaves nothing behind
 * @throws Problem SOURCE_…, STORE_…, DATASET_WITHOUT_FILES
 */
export async function surveyCleanup(
  app: FastifyInstance,
  subject: CleanupSubject,
  keeper: PlanKeeper | null = null,
): Promise<SurveyedCleanup> {
  return subject.target === 'records'
    ? surveyOfRecords(app, subject, keeper)
    : surveyOfFiles(app, subject, keeper)
}

async function surveyOfRecords(
  app: FastifyInstance,
  subject: CleanupSubject,
  keeper: PlanKeeper | null,
): Promise<SurveyedCleanup> {
  const { dataset, scope } = subject
  const held = await allHeldKeys(app.orm.em.fork(), dataset.name, app.clock.now())
  const write = writerOf(keeper)
  const survey = await surveyRecords({
    ...{ source: app.datasets.source(dataset), dataset, condition: scopeLiteral(dataset, scope), held },
    ...(keeper?.skipPlanned && {
      skip: async (lines) => {
        const keys = lines.map(({ key }) => keyText(key))
        const elsewhere = await plannedElsewhere(keeper.em, dataset.name, 'records', keys)
        return new Set(lines.filter((_, i) => elsewhere.has(keys[i]!)))
      },
    }),
    onPlanned: (lines) => write(lines.map(({ key }) => keyText(key))),
  })
  const { plan, linesSha256, leftSha256, datasetRecords } = survey
  return {
    plan: { ...plan, linesSha256, over: null },
    planHash: hashOf(subject, [linesSha256, leftSha256]),
    removes: plan.records,
    datasetRecords,
  }
}

async function surveyOfFiles(
  app: FastifyInstance,
  subject: CleanupSubject,
  keeper: PlanKeeper | null,
): Promise<SurveyedCleanup> {
  const { dataset, scope } = subject
  const held = await allHeldKeys(app.orm.em.fork(), dataset.name, app.clock.now())
  const write = writerOf(keeper)
  const { plan, linesSha256 } = await surveyFiles(app, {
    ...{ dataset, scope, held },
    ...(keeper?.skipPlanned && {
      skip: (keys) => plannedElsewhere(keeper.em, dataset.name, 'files', keys),
    }),
    ...(keeper?.only && { only: keeper.only }),
    onPlanned: write,
  })
  return {
    plan: { ...plan, linesSha256, over: null },
    planHash: hashOf(subject, [linesSha256]),
    removes: plan.objects + plan.missing,
    datasetRecords: null,
  }
}

/** Writes keys down as they come, numbered. */
function writerOf(keeper: PlanKeeper | null) {
  let written = 0
  return async (keys: string[]): Promise<void> => {
    if (keeper === null || keys.length === 0) return
    await insertItems(keeper.em, keeper.cleanupId, keys, written)
    written += keys.length
  }
}

function hashOf({ dataset, scope, target }: CleanupSubject, digests: string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([dataset.name, scope, target, ...digests]))
    .digest('hex')
}
