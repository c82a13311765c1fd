import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { tableNodes, type RecordLine } from '../snapshots/capture.ts'
import type { RecordPair } from '../snapshots/compare.ts'
import type { SourcePool } from '../source/connect.ts'
import type { SharedColumns } from '../snapshots/diff-record.ts'
import { concludeFilling, filledPlan, openFilling, type Filling } from './fill.ts'
import type { Mode, Plan, PlanWarning } from './plan.ts'
import { settlePlan } from './settle-plan.ts'
import { LineStager } from './stage-line.ts'
import { createStages, describeStages, dropStages, StageWriter, type Stage } from './stage.ts'
import { newTally, stageRecords, warn, type Tally } from './stage-records.ts'
import { writeRows } from './write-rows.ts'

export interface DraftOptions {
  client: pg.ClientBase
  dataset: Dataset
  mode: Mode
  /** Columns that the artifact and the dataset share. */
  shared: SharedColumns
  /** What is left out because the dataset has changed since. */
  notes: string[]
  /** Records that are held, as `keyText` writes their keys. Default none. */
  held?: ReadonlySet<string>
  identity: unknown
}

/** A plan in the making: rows are staged as its records go by, then it is settled. */
export interface Draft {
  stages: Stage[]
  tally: Tally
  /** Not null once rows go straight into their tables. */
  filling: Filling | null
  /**
   * Before anything is staged, in the transaction that carries a plan out: lets rows go straight into their tables, where
   * that comes to the same. @returns whether they do
   */
  fill(plan: Plan, source: SourcePool): Promise<boolean>
  /** Stages the pairs; gives back the source's lines of the records that will be touched. */
  stage(pairs: AsyncIterable<RecordPair[]>): AsyncGenerator<RecordLine[]>
  /** @param assign true when it is about to be written */
  settle(assign: boolean): Promise<Plan>
  /**
   * Writes what is staged, or ends the filling: all is in its tables then, and proven; nothing is committed.
   * @returns warnings about rows that the application's triggers made different
   * @throws Problem RESTORE_NOT_PROVEN; the database's own errors
   */
  write(source: SourcePool): Promise<PlanWarning[]>
  drop(): Promise<void>
}

/** Creates the temporary tables that a plan is worked out in; before a read-only transaction, which allows none. */
export async function openDraft(options: DraftOptions): Promise<Draft> {
  const { client, dataset, mode, shared, notes, held = new Set(), identity } = options
  const nodes = tableNodes(dataset.root)
  const stages = describeStages(nodes, shared)
  await createStages(client, stages)
  const tally = newTally(nodes.length)
  for (const detail of notes)
    warn(tally, { code: 'DATASET_CHANGED', table: dataset.root.name, key: null, detail })
  const context = { dataset, mode, shared, held, tally }
  const draft: Draft = {
    stages,
    tally,
    filling: null,
    async fill(plan, source) {
      draft.filling = await openFilling(client, source, stages, plan)
      draft.stages = draft.filling?.stages ?? stages
      return draft.filling !== null
    },
    stage(pairs) {
      const { filling, stages } = draft
      const writer = filling?.writer ?? new StageWriter(client, stages)
      const output = (stage: Stage) => {
        tally.created[stage.index]! += 1
        return writer.output(stage, 'c')
      }
      const lines = new LineStager(stages, output, filling !== null)
      return stageRecords({ ...context, stages, writer, lines, onlyNew: filling !== null }, pairs)
    },
    settle: async (assign) =>
      draft.filling === null
        ? settlePlan({ client, dataset, stages, tally, assign, identity })
        : filledPlan(draft.filling, tally, identity),
    write: (source) =>
      draft.filling === null
        ? writeRows(client, draft, source)
        : concludeFilling(client, draft.filling, tally),
    drop: () => dropStages(client, stages),
  }
  return draft
}
