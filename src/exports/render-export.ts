import type { Dataset } from '../datasets/definition.ts'
import { scopeLiteral } from '../datasets/scope-condition.ts'
import { keysOf, type Scope } from '../datasets/scope.ts'
import { tableNodes } from '../snapshots/capture.ts'
import { scopeEmpty } from '../snapshots/errors.ts'
import type { SourcePool } from '../source/connect.ts'
import { withSharedSnapshot } from '../source/shared-snapshot.ts'
import { countRows } from './count-queries.ts'
import { csvFile } from './csv-file.ts'
import { exportProblems } from './errors.ts'
import { jsonFile } from './json-file.ts'
import { columnsOf, withoutChildren, type ExportFormat, type Rendering } from './rendering.ts'
import type { StoredExport } from './export.ts'
import { Tally } from './tally.ts'

export interface RenderOptions {
  source: SourcePool
  dataset: Dataset
  scope: Scope
  format: ExportFormat
  includeChildren: boolean
  title: string | null
  createdBy: string
  now: () => Date
  onProgress?: (progress: { records: number; bytes: number }) => void
  signal?: AbortSignal
}

const files: Record<ExportFormat, (rendering: Rendering) => AsyncIterable<Buffer>> = {
  json: jsonFile,
  csv: csvFile,
  pdf: pdfFile,
}

/** Fonts and all, which take memory that most hours need not be held. */
async function* pdfFile(rendering: Rendering): AsyncGenerator<Buffer> {
  const { pdfFile } = await import('./pdf-file.ts')
  yield* pdfFile(rendering)
}

/**
 * Renders a scope as a file, at one instant, in flat memory. The rows that went into it are compared with what the
 * database counts; where they differ, the file's last byte is followed by an error, so that nobody takes it for whole.
 * @param consume takes the file's bytes to their end
 * @returns once `consume` has
 * @throws Problem SOURCE_…, SCOPE_EMPTY, EXPORT_MISCOUNTED, EXPORT_TOO_LARGE; whatever `consume` throws
 */
export async function renderExport(
  options: RenderOptions,
  consume: (chunks: AsyncIterable<Buffer>) => Promise<void>,
): Promise<Omit<StoredExport, 'sha256' | 'bytes'>> {
  const { source, scope, format, title, createdBy, signal } = options
  const dataset = options.includeChildren ? options.dataset : withoutChildren(options.dataset)
  const nodes = tableNodes(dataset.root)
  const tally = new Tally(nodes.length)
  return withSharedSnapshot(source, async (client, instant) => {
    const takenAt = options.now()
    const condition = scopeLiteral(dataset, scope)
    const counts = countRows(client, dataset, condition)
    counts.catch(() => undefined) // Whoever awaits it hears of it.
    const rendering = { dataset, scope, condition, instant, title, createdBy, takenAt, counts, tally, signal }
    await consume(reconciled(files[format](rendering), rendering, options))
    return {
      takenAt,
      counts: Object.fromEntries(nodes.map(({ name }, i) => [name, tally.rows[i]!])),
      columns: columnsOf(dataset),
    }
  })
}

async function* reconciled(
  chunks: AsyncIterable<Buffer>,
  { dataset, scope, counts, tally, signal }: Rendering,
  { onProgress }: RenderOptions,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted()
    tally.bytes += chunk.length
    onProgress?.({ records: tally.rows[0]!, bytes: tally.bytes })
    yield chunk
  }
  const wanted = keysOf(scope)?.length ?? 0
  const counted = await counts
  if (counted[0]! < wanted) throw scopeEmpty(`${wanted - counted[0]!} of the ${wanted} records are gone.`)
  requireEqual(dataset, counted, tally.rows)
}

/** @throws Problem EXPORT_MISCOUNTED naming each table that differs */
function requireEqual({ root }: Dataset, counted: number[], written: number[]): void {
  const differing = tableNodes(root).flatMap(({ name }, i) =>
    counted[i] === written[i] ? [] : [`${name}: ${written[i]} rows written, ${counted[i]} in the database`],
  )
  if (differing.length > 0) throw exportProblems.EXPORT_MISCOUNTED(`${differing.join('; ')}.`)
}
