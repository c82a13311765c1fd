import type { Dataset } from '../datasets/definition.ts'
import type { SourcePool } from '../source/connect.ts'
import { withSharedSnapshot } from '../source/shared-snapshot.ts'
import type { Store } from '../storage/store.ts'
import { writeArtifact, type WrittenArtifact } from './artifact-writer.ts'
import { captureFewRecords, captureRecords, tableNodes, type RecordLine } from './capture.ts'
import { artifactColumns, type Condition } from './capture-queries.ts'

/** An artifact in the store, before its manifest is. */
export interface CapturedArtifact extends WrittenArtifact {
  takenAt: Date
  /** Rows per table. */
  counts: Record<string, number>
  stats: Record<string, unknown>
}

export interface CaptureOptions {
  source: SourcePool
  dataset: Dataset
  /** The scope as asked for, for the header. */
  scope: unknown
  /** What it selects. */
  condition: Condition
  /** True when it selects a handful of records: then one connection reads them table after table. */
  few: boolean
  trigger: string
  store: Store
  key: string
  now: () => Date
  /** Chooses which of the lines that go by the artifact holds; default all. */
  pick?: (lines: RecordLine[]) => Promise<RecordLine[]>
  onProgress?: (progress: { records: number; bytes: number }) => void
  signal?: AbortSignal
  /** Declared stats, asked on the same instant. */
  stats?: (
    client: Parameters<Parameters<SourcePool['withConnection']>[0]>[0],
  ) => Promise<Record<string, unknown>>
}

/** What an artifact's header says of the dataset: its declaration, and the columns that each table's rows have. */
export function describeDefinition(dataset: Dataset): Record<string, unknown> {
  const tables = tableNodes(dataset.root).map((node) => [
    node.name,
    {
      as: node.as,
      key: node.key.map((column) => column.name),
      columns: Object.fromEntries(artifactColumns(node).map((column) => [column.name, column.type])),
    },
  ])
  return { ...dataset.declaration, tables: Object.fromEntries(tables) }
}

/**
 * Captures a scope at one instant and stores it under `key`, without a manifest: it isn't a snapshot until that is
 * written. Memory stays flat as data grows.
 * @throws Problem SOURCE_… and STORE_…; then nothing is stored. The signal's reason when it aborts
 */
export async function captureArtifact(options: CaptureOptions): Promise<CapturedArtifact> {
  const { source, dataset, store, key, condition, few } = options
  const takenAt = options.now()
  const nodes = tableNodes(dataset.root)
  const rows = nodes.map(() => 0)
  const counts = () => Object.fromEntries(nodes.map((node, i) => [node.name, rows[i]!]))
  return withSharedSnapshot(source, async (client, snapshot) => {
    const stats = (await options.stats?.(client)) ?? {}
    const records = few
      ? captureFewRecords(client, dataset, condition)
      : captureRecords(snapshot, dataset, condition)
    const header = {
      dataset: dataset.name,
      scope: options.scope,
      trigger: options.trigger,
      takenAt: takenAt.toISOString(),
      source: { name: dataset.source },
      definition: describeDefinition(dataset),
    }
    const written = await writeArtifact(store, key, header, watched(records, rows, options), async () => ({
      counts: counts(),
      stats,
    }))
    return { ...written, takenAt, counts: counts(), stats }
  })
}

/** Passes lines on, adding up what goes by. */
async function* watched(
  batches: AsyncIterable<RecordLine[]>,
  rows: number[],
  { pick, onProgress, signal }: CaptureOptions,
): AsyncGenerator<RecordLine[]> {
  const progress = { records: 0, bytes: 0 }
  for await (const lines of batches) {
    signal?.throwIfAborted()
    const batch = (await pick?.(lines)) ?? lines
    for (const line of batch) {
      for (const [i, count] of line.rows.entries()) rows[i]! += count
      progress.bytes += line.json.length
    }
    progress.records += batch.length
    onProgress?.({ ...progress })
    yield batch
  }
}
