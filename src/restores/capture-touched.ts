import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import { Problem } from '../platform/errors.ts'
import { writeArtifact } from '../snapshots/artifact-writer.ts'
import { describeDefinition, type CapturedArtifact } from '../snapshots/artifact.ts'
import type { Attempt } from '../snapshots/attempts.ts'
import { tableNodes, type RecordLine } from '../snapshots/capture.ts'
import type { RecordPair } from '../snapshots/compare.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { produceSnapshot, type CaptureTarget } from '../snapshots/produce-snapshot.ts'
import { discardSnapshot, openSafetySnapshot } from '../snapshots/safety-snapshot.ts'
import { RowReader, splitFields } from '../source/copy.ts'
import { describeFailure } from './describe-failure.ts'
import type { Draft } from './draft-plan.ts'
import { createdKeys } from './resolve-queries.ts'
import type { RestoreContext } from './restore-context.ts'
import type { Restore } from './restore.ts'

export interface TouchedOptions {
  app: FastifyInstance
  restore: Restore
  context: RestoreContext
  client: pg.ClientBase
  draft: Draft
  pairs: AsyncIterable<RecordPair[]>
  /** Runs once all is staged and stored: compares the plan and locks its rows. */
  settle: () => Promise<void>
  signal: AbortSignal
}

/** A scope lists the keys of what was touched up to this many; beyond it repeats the restored snapshot's scope. */
const listedKeys = 1000

/**
 * Takes the safety snapshot of a restore: exactly the records it is about to change or delete, as they are at the
 * transaction's instant, and the keys of those that are not there yet. When it resolves the rows are locked and the
 * stored copy has been read back, hashed and published.
 * @returns the snapshot's id
 */
export async function captureTouched(options: TouchedOptions): Promise<string> {
  const { app, restore, signal } = options
  const attempt = await openSnapshot(app, restore, options.context)
  const reading: Reading = { failure: null }
  const pairs = noting(options.pairs, reading)
  try {
    await produceSnapshot(app, attempt, (target) => capture({ ...options, pairs }, target), signal)
    return attempt.snapshotId
  } catch (error) {
    await discardSnapshot(app, attempt.snapshotId, describeFailure(error))
    if (reading.failure !== null) throw reading.failure
    throw error instanceof Problem && storeTrouble.test(error.code) ? backupFailed(error) : error
  }
}

/** What went wrong with the artifact or the source while they were read: it is no trouble with the copy. */
interface Reading {
  failure: unknown
}

async function* noting<T>(batches: AsyncIterable<T>, reading: Reading): AsyncGenerator<T> {
  try {
    yield* batches
  } catch (error) {
    reading.failure = error
    throw error
  }
}

const storeTrouble = /^STORE_/

/** The code says what it means for the restore; what the store said is the detail. */
function backupFailed(error: Problem): Problem {
  return new Problem(
    error.code,
    { status: error.status, title: error.title, hint: '' },
    `The copy of what would be overwritten could not be stored, so nothing was changed. ${error.message}`,
    { cause: error },
  )
}

async function openSnapshot(
  app: FastifyInstance,
  restore: Restore,
  { snapshot, dataset }: RestoreContext,
): Promise<Attempt> {
  const { differing, differences } = restore.plan!
  const scope = differing <= listedKeys ? { keys: differences.map(([key]) => shortKey(key)) } : snapshot.scope
  return openSafetySnapshot(app, {
    ...{ dataset, scope, trigger: 'pre_restore', title: 'Before a restore' },
    ...{ restoreId: restore.id, cleanupId: null, createdBy: restore.createdBy ?? null },
  })
}

function shortKey(key: KeyValue[]): KeyValue | KeyValue[] {
  return key.length === 1 ? key[0]! : key
}

async function capture(options: TouchedOptions, { store, key }: CaptureTarget): Promise<CapturedArtifact> {
  const { app, context, client, draft, pairs, settle } = options
  const { dataset, snapshot } = context
  const takenAt = app.clock.now()
  const nodes = tableNodes(dataset.root)
  const rows = nodes.map(() => 0)
  const counts = () => Object.fromEntries(nodes.map((node, i) => [node.name, rows[i]!]))
  const header = {
    dataset: dataset.name,
    scope: snapshot.scope,
    trigger: 'pre_restore',
    takenAt: takenAt.toISOString(),
    source: { name: dataset.source },
    definition: describeDefinition(dataset),
  }
  const written = await writeArtifact(store, key, header, counted(draft.stage(pairs), rows), async () => ({
    absent: absentKeys(client, draft),
    counts: counts(),
    stats: {},
  }))
  await settle()
  return { ...written, takenAt, counts: counts(), stats: {} }
}

async function* counted(batches: AsyncIterable<RecordLine[]>, rows: number[]): AsyncGenerator<RecordLine[]> {
  for await (const batch of batches) {
    for (const line of batch) for (const [i, count] of line.rows.entries()) rows[i]! += count
    yield batch
  }
}

async function* absentKeys(client: pg.ClientBase, { stages }: Draft): AsyncGenerator<KeyValue[][]> {
  const reader = new RowReader(client, createdKeys(stages[0]!))
  while (await reader.fill()) {
    const batch: KeyValue[][] = []
    for (let row = reader.next(); row !== null; row = reader.next())
      batch.push(JSON.parse(splitFields(row, 1).toString()) as KeyValue[])
    yield batch
  }
}
