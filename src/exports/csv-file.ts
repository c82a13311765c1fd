import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { ZipFile } from 'yazl'
import { csvTables, type CsvTable } from './csv-queries.ts'
import { CsvLines } from './csv-lines.ts'
import { copyAt } from './copy-at.ts'
import { csvCell } from '../platform/csv.ts'
import { readMe } from './read-me.ts'
import type { Rendering } from './rendering.ts'

// The sums of a zip file take a fifth of the time as yazl's dependency works them out; Node has them in native code.
const sums = createRequire(import.meta.resolve('yazl'))('buffer-crc32') as { unsigned: typeof crc32 }
sums.unsigned = crc32

/** One CSV file of the records alone; with children a zip of one for each table. */
export async function* csvFile(rendering: Rendering): AsyncGenerator<Buffer> {
  const tables = csvTables(rendering.dataset, rendering.condition)
  if (tables.length === 1) yield* csvLines(tables[0]!, 0, rendering)
  else yield* zipped(tables, rendering)
}

/** A table as RFC 4180 has it, UTF-8, its columns' names first. PostgreSQL prints the cells. */
async function* csvLines(
  { header, sql }: CsvTable,
  index: number,
  { instant, tally }: Rendering,
): AsyncGenerator<Buffer> {
  yield Buffer.from(`${header.map(csvCell).join(',')}\r\n`)
  const lines = new CsvLines()
  const copied = copyAt(instant, `COPY (${sql}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')`)
  let counted = 0
  for await (const piece of lines.convert(copied)) {
    tally.addTo(index, lines.rows - counted)
    counted = lines.rows
    yield piece
  }
}

async function* zipped(tables: CsvTable[], rendering: Rendering): AsyncGenerator<Buffer> {
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  const options = { mtime: rendering.takenAt, compressionLevel: 1 }
  zip.addBuffer(Buffer.from(readMe(tables, rendering)), 'README.txt', options)
  for (const [i, table] of tables.entries())
    zip.addReadStreamLazy(`${table.node.name}.csv`, options, (done) => {
      const rows = Readable.from(csvLines(table, i, rendering), { objectMode: false })
      rows.once('error', (error) => output.destroy(error))
      output.once('close', () => rows.destroy())
      done(null, rows)
    })
  zip.end()
  yield* output as AsyncIterable<Buffer>
}
