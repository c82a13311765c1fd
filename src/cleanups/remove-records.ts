import type { FastifyInstance } from 'fastify'
import type { HandledItem } from '../batches/batches.ts'
import type { EntityManager } from '../platform/database.ts'
import { heldKeys } from '../holds/find-holds.ts'
import { keyText } from '../holds/hold.ts'
import { Problem } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { ArtifactRecord } from '../snapshots/artifact-reader.ts'
import { findSnapshot } from '../snapshots/find-snapshots.ts'
import { readManifest } from '../snapshots/manifests.ts'
import type { KeyValue } from '../snapshots/manifest.ts'
import { readKeys } from '../snapshots/pair-with-source.ts'
import { endMarkedWork, markWork } from '../source/marked-work.ts'
import { currentTransaction, transactionStatus } from '../source/transaction-status.ts'
import { findCleanup, Superseded } from './attempts.ts'
import type { Cleanup } from './cleanup.ts'
import type { LeftAlone } from './plan.ts'
import * as ours from './queries.ts'
import type { ChunkResult, ChunkRow } from './queries.ts'
import { removeChunk, type ChunkOutcome } from './remove-chunk.ts'

type Payload = { chunk: number } | { after: number }

/** One item of a removal's batch: a chunk, or what the chunks before it left and may go now. */
export async function removeRecords(
  app: FastifyInstance,
  { payload, batch }: HandledItem<Payload>,
  signal: AbortSignal,
): Promise<object> {
  const cleanup = await findCleanup(app.orm.em, String(batch.context['cleanupId']))
  if ('chunk' in payload) return runChunk(app, cleanup, payload.chunk, signal)
  return runRetries(app, cleanup, payload.after, signal)
}

/** Records in one chunk of retries at most. */
const retriedRecords = 1000

/**
 * Records that pointed at each other from chunk to chunk, and those that were in use, get further goes as long as each
 * round lets some of them go.
 */
async function runRetries(
  app: FastifyInstance,
  cleanup: Cleanup,
  after: number,
  signal: AbortSignal,
): Promise<object> {
  const em = app.orm.em.fork()
  let removed = 0
  for (const number of await ours.unfinishedFrom(em, cleanup.id, after + 1))
    removed += (await runChunk(app, cleanup, number, signal)).removed
  for (let inRound = 1; inRound > 0; removed += inRound) {
    inRound = 0
    const first = Math.max(after, ...(await ours.chunkNumbers(em, cleanup.id))) + 1
    for (let number = first; ; number++) {
      const gathered = await em.fork().transactional((inner) => gather(inner, cleanup.id, number, first))
      if (gathered === 0) break
      inRound += (await runChunk(app, cleanup, number, signal)).removed
    }
  }
  return { removed }
}

/** Written down in one go, so that a crash leaves no items in a chunk that nobody takes up. */
async function gather(em: EntityManager, cleanupId: string, number: number, first: number): Promise<number> {
  const gathered = await ours.gatherRetries(em, cleanupId, number, first, retriedRecords)
  if (gathered > 0) await ours.beginChunk(em, cleanupId, number)
  return gathered
}

/**
 * Removes a chunk once. A run that finds that an earlier one died, or stands still, first ends what is left of it and finds
 * out on which side of the commit that was.
 */
async function runChunk(
  app: FastifyInstance,
  cleanup: Cleanup,
  number: number,
  signal: AbortSignal,
): Promise<{ removed: number; left: number }> {
  const chunk = await ours.beginChunk(app.orm.em.fork(), cleanup.id, number)
  if (chunk.done) return summary(chunk.result!)
  if (await happened(app, cleanup, chunk)) return settle(app, cleanup, chunk, chunk.result!)
  try {
    const outcome = await removeOnce(app, cleanup, chunk, signal)
    return await settle(app, cleanup, chunk, resultOf(outcome))
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem) || !lasting.test(error.code)) throw error
    return await refuse(app, cleanup, chunk, error)
  }
}

/** Trying again would come to the same. */
const lasting =
  /^(CLEANUP_NOT_PROVEN|SOURCE_(FAILED|REJECTED|PERMISSION_MISSING|READ_ONLY|CHANGED)|SNAPSHOT_|DATASET_)/

async function happened(app: FastifyInstance, cleanup: Cleanup, chunk: ChunkRow): Promise<boolean> {
  if (chunk.attempts === 1) return false
  const source = app.datasets.source(app.datasets.get(cleanup.dataset))
  await endMarkedWork(source, workOf(cleanup, chunk))
  if (chunk.sourceTransaction === null || chunk.result === null) return false
  return (await transactionStatus(source, chunk.sourceTransaction, chunk.sourceBackend)) === 'committed'
}

/** What a chunk's transaction on the source is found by. */
function workOf({ id }: Cleanup, { number }: ChunkRow): string {
  return `cleanup:${id}:${number}`
}

async function removeOnce(
  app: FastifyInstance,
  cleanup: Cleanup,
  chunk: ChunkRow,
  signal: AbortSignal,
): Promise<ChunkOutcome> {
  const dataset = await app.datasets.current(cleanup.dataset)
  const keys = await ours.keysOfChunk(app.orm.em.fork(), cleanup.id, chunk.number)
  const records = await readStored(app, cleanup, keys)
  const source = app.datasets.source(dataset)
  return source.withConnection((client) =>
    removeChunk({
      ...{ client, dataset, records, signal },
      spare: (locked) => held(app, app.orm.em.fork(), cleanup, locked),
      begun: () => markWork(client, workOf(cleanup, chunk)),
      beforeCommit: async (outcome) => {
        const { transaction, backend } = await currentTransaction(source, client)
        await recordIntent(app, cleanup, chunk, outcome, transaction, backend)
      },
    }),
  )
}

/** What the artifact holds of some records; every frame is hashed before it is used. */
async function readStored(app: FastifyInstance, cleanup: Cleanup, keys: string[]): Promise<ArtifactRecord[]> {
  const dataset = app.datasets.get(cleanup.dataset)
  const snapshot = (await findSnapshot(app.orm.em, cleanup.snapshotId!)).requireCompleted()
  const manifest = await readManifest(app.stores.main, snapshot)
  const wanted = keys.map((key) => JSON.parse(key) as KeyValue[])
  const records: ArtifactRecord[] = []
  for await (const batch of readKeys(app.stores.main, manifest, dataset, wanted)) records.push(...batch)
  return records
}

async function held(
  { clock }: FastifyInstance,
  em: EntityManager,
  { dataset }: Cleanup,
  keys: KeyValue[][],
): Promise<LeftAlone[]> {
  const found = await heldKeys(em, dataset, keys, clock.now())
  return keys
    .filter((key) => found.has(keyText(key)))
    .map((key) => ({ key, code: 'HELD', detail: 'The record is on hold.' }))
}

/**
 * The last look at the holds, and the transaction's number with what it will have done: after a crash its status in the
 * source tells whether it has.
 */
async function recordIntent(
  app: FastifyInstance,
  cleanup: Cleanup,
  chunk: ChunkRow,
  outcome: ChunkOutcome,
  transaction: string,
  backend: number,
): Promise<void> {
  await app.orm.em.fork().transactional(async (em) => {
    const late = await held(app, em, cleanup, outcome.removed)
    if (late.length > 0) throw new Error('a record was put on hold meanwhile')
    if (!(await ours.recordTransaction(em, cleanup.id, chunk, resultOf(outcome), transaction, backend)))
      throw new Superseded(`another run took over chunk ${chunk.number} of cleanup ${cleanup.id}`)
  })
}

/** Writes down what became of each record, once. */
async function settle(
  app: FastifyInstance,
  cleanup: Cleanup,
  chunk: ChunkRow,
  result: ChunkResult,
): Promise<{ removed: number; left: number }> {
  await app.orm.em.fork().transactional(async (em) => {
    if (await ours.finishChunk(em, cleanup.id, chunk))
      await ours.recordOutcomes(em, cleanup.id, result.outcomes)
  })
  await failpoint('cleanup.chunk-settled')
  return summary(result)
}

/** Nothing of the chunk was removed, and nothing will be. */
async function refuse(app: FastifyInstance, cleanup: Cleanup, chunk: ChunkRow, error: Problem) {
  const keys = await ours.keysOfChunk(app.orm.em.fork(), cleanup.id, chunk.number)
  const detail = `${error.code}: ${error.message}`
  const outcomes = keys.map((key) => ({ key, outcome: 'REFUSED' as const, detail }))
  const result = { tables: {}, lockedMs: 0, outcomes }
  await app.orm.em
    .fork()
    .transactional((em) => ours.recordTransaction(em, cleanup.id, chunk, result, null, null))
  return settle(app, cleanup, chunk, result)
}

function resultOf({ removed, tables, left, lockedMs }: ChunkOutcome): ChunkResult {
  return {
    tables,
    lockedMs,
    outcomes: [
      ...removed.map((key) => ({ key: keyText(key), outcome: 'REMOVED' as const, detail: null })),
      ...left.map(({ key, code, detail }) => ({ key: keyText(key), outcome: code, detail })),
    ],
  }
}

function summary({ outcomes }: ChunkResult): { removed: number; left: number } {
  const removed = outcomes.filter(({ outcome }) => outcome === 'REMOVED').length
  return { removed, left: outcomes.length - removed }
}
