import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { tableNodes, type RecordLine } from '../snapshots/capture.ts'
import type { RecordPair } from '../snapshots/compare.ts'
import type { SharedColumns } from '../snapshots/diff-record.ts'
import type { Mode, Plan } from './plan.ts'
import { settlePlan } from './settle-plan.ts'
import { LineStager } from './stage-line.ts'
import { createStages, describeStages, dropStages, StageWriter, type Stage } from './stage.ts'
import { newTally, stageRecords, warn, type Tally } from './stage-records.ts'

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
  /** Stages the pairs; gives back the source's lines of the records that will be touched. */
  stage(pairs: AsyncIterable<RecordPair[]>): AsyncGenerator<RecordLine[]>
  /** @param assign true when it is about to be written */
  settle(assign: boolean): Promise<Plan>
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
  const writer = new StageWriter(client, stages)
  const lines = new LineStager(stages, (stage) => writer.output(stage, 'c'))
  return {
    stages,
    tally,
    stage: (pairs) => stageRecords({ dataset, mode, shared, held, stages, writer, lines, tally }, pairs),
    settle: (assign) => settlePlan({ client, dataset, stages, tally, assign, identity }),
    drop: () => dropStages(client, stages),
  }
}
