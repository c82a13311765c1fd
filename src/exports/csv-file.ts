import { csvCell } from '../platform/csv.ts'
import { copyAt } from './copy-at.ts'
import { CsvLines } from './csv-lines.ts'
import { csvTables, type CsvTable } from './csv-queries.ts'
import { readMe } from './read-me.ts'
import type { Rendering } from './rendering.ts'
import { zip, type ZipSource } from './zip.ts'

/** One CSV file of the records alone; with children a zip of one for each table. */
export async function* csvFile(rendering: Rendering): AsyncGenerator<Buffer> {
  const tables = csvTables(rendering.dataset, rendering.condition)
  if (tables.length === 1) yield* csvLines(tables[0]!, 0, rendering)
  else yield* zip(filesOf(tables, rendering))
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

function* filesOf(tables: CsvTable[], rendering: Rendering): Generator<ZipSource> {
  const modifiedAt = rendering.takenAt
  const names = fileNames(tables)
  yield { name: 'README.txt', modifiedAt, content: once(Buffer.from(readMe(names, rendering))) }
  for (const [i, table] of tables.entries())
    yield { name: names[i]!, modifiedAt, content: csvLines(table, i, rendering) }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/** The tables' names, without what no file's name can have everywhere; no two are alike where case doesn't count. */
function fileNames(tables: CsvTable[]): string[] {
  const taken = new Set<string>()
  return tables.map(({ node }) => {
    const plain = node.name.replace(/[\\/:*?"<>|\p{Cc}]/gu, '_')
    let name = `${plain}.csv`
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${plain}-${n}.csv`
    taken.add(name.toLowerCase())
    return name
  })
}
