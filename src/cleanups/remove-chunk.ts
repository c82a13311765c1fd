import type pg from 'pg'
import type { Dataset } from '../datasets/definition.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { ArtifactRecord } from '../snapshots/artifact-reader.ts'
import { tableNodes } from '../snapshots/capture.ts'
import type { KeyValue } from '../source/keys.ts'
import { deleteProven } from './delete-proven.ts'
import type { LeftAlone } from './plan.ts'
import { lockAndCompare, spare } from './prove-records.ts'
import { Verdict } from './verdict.ts'

export interface ChunkOptions {
  /** Without a transaction. */
  client: pg.ClientBase
  dataset: Dataset
  /** What the verified artifact holds of this chunk, in key order. */
  records: ArtifactRecord[]
  /** The transaction has begun; nothing is locked. */
  begun: () => Promise<void>
  /** Which of the records our own database says must stay; asked when they are locked. */
  spare: (keys: KeyValue[][]) => Promise<LeftAlone[]>
  /** Everything is done but the commit. What it throws takes everything back. */
  beforeCommit: (outcome: ChunkOutcome) => Promise<void>
  signal: AbortSignal
}

export interface ChunkOutcome {
  removed: KeyValue[][]
  /** Rows, by table. */
  tables: Record<string, number>
  left: LeftAlone[]
  /** How long the rows were locked, in milliseconds, up to the commit. */
  lockedMs: number
}

/**
 * For locks on whole tables; rows are not waited for. And a chunk's rows were captured a while ago, in one go, so that
 * most are in memory: to look through whole tables for them, chunk after chunk, would be the detour.
 */
const settings = `SET LOCAL lock_timeout = '500ms'; SET LOCAL random_page_cost = 1.1`

/**
 * Removes the records of one chunk in one transaction: locks their rows, proves that each is, byte for byte, what the
 * verified artifact holds, and deletes exactly those. A record that moved, is in use, must stay, or is pointed at by
 * a row that stays is left alone and told why.
 * @throws Problem SOURCE_…, CLEANUP_NOT_PROVEN when more or less would have gone than the artifact holds; nothing is
 *   removed then
 */
export async function removeChunk(options: ChunkOptions): Promise<ChunkOutcome> {
  const { client, dataset, records, signal } = options
  const verdict = new Verdict(records)
  await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}`)
  try {
    await options.begun()
    const lockedAt = performance.now()
    await lockAndCompare(client, dataset, records, verdict)
    await failpoint('cleanup.chunk-locked')
    signal.throwIfAborted()
    await spare(client, dataset, verdict, options.spare)
    const rows = verdict.rows(tableNodes(dataset.root).length)
    await deleteProven(client, dataset, verdict.going(), rows)
    await failpoint('cleanup.chunk-deleted')
    signal.throwIfAborted()
    const outcome = (): ChunkOutcome => ({
      removed: verdict.going(),
      tables: Object.fromEntries(tableNodes(dataset.root).map(({ name }, i) => [name, rows[i]!])),
      left: verdict.left(),
      lockedMs: Math.round(performance.now() - lockedAt),
    })
    await options.beforeCommit(outcome())
    await failpoint('cleanup.chunk-recorded')
    await client.query('COMMIT')
    await failpoint('cleanup.chunk-committed')
    return outcome()
  } finally {
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK').catch(() => undefined)
  }
}
