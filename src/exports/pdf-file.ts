import { wordNumber, wordScope } from '../platform/wording.ts'
import { captureRecords } from '../snapshots/capture.ts'
import { plainExpression } from '../source/values.ts'
import { exportProblems } from './errors.ts'
import { contentsPages, drawContents, drawTitlePage } from './pdf/front-pages.ts'
import { Paper } from './pdf/paper.ts'
import { RecordPages, type Entry } from './pdf/record-pages.ts'
import type { Row } from './pdf/table.ts'
import type { Rendering } from './rendering.ts'

/** What a PDF may hold: its contents and the list of its pages are kept until its end, and readers choke on more. */
const most = { records: 50_000, rows: 1_000_000 }

/**
 * A PDF: title page, contents, the records. Each page is handed on when it is full. How many pages the contents take is
 * reckoned from how many records there are; they are written last and put in their place.
 * @throws Problem EXPORT_TOO_LARGE
 */
export async function* pdfFile(rendering: Rendering): AsyncGenerator<Buffer> {
  const { dataset, scope, title, takenAt, tally } = rendering
  const counts = await rendering.counts
  requireReadable(counts)
  const paper = new Paper(
    {
      left: title ?? dataset.title,
      right: `${title === null ? '' : `${dataset.title}, `}${wordScope(scope)}`,
    },
    {
      Title: title ?? `${dataset.title}, ${wordScope(scope)}`,
      Author: rendering.createdBy,
      Creator: 'Holdfast',
      Producer: 'Holdfast',
      CreationDate: takenAt,
    },
  )
  drawTitlePage(paper, rendering, counts)
  const pages = contentsPages(paper, counts[0]!)
  const entries: Entry[] = []
  paper.page = 1 + pages
  for await (const drawn of drawRecords(paper, rendering, entries)) {
    tally.add(drawn)
    yield* paper.ready()
  }
  const last = paper.page
  drawContents(paper, entries, 2)
  paper.movePages(pages, 1)
  paper.end(last)
  yield* paper.ready()
}

function requireReadable(counts: number[]): void {
  const rows = counts.reduce((sum, count) => sum + count, 0)
  if (counts[0]! <= most.records && rows <= most.rows) return
  throw exportProblems.EXPORT_TOO_LARGE(
    `The scope has ${wordNumber(counts[0]!)} records and ${wordNumber(rows)} rows in all; a PDF holds ${wordNumber(most.records)} records and ${wordNumber(most.rows)} rows.`,
  )
}

/** @returns for each record drawn its rows by table */
async function* drawRecords(
  paper: Paper,
  { instant, dataset, condition }: Rendering,
  entries: Entry[],
): AsyncGenerator<number[]> {
  let pages: RecordPages | null = null
  for await (const lines of captureRecords(instant, dataset, condition, plainExpression)) {
    const records = lines.map(({ json }) => JSON.parse(json.toString()) as Row)
    if (pages === null) {
      pages = new RecordPages(paper, dataset.root, records)
      paper.newPage()
    }
    for (const [i, record] of records.entries()) {
      entries.push(pages.draw(record))
      yield lines[i]!.rows
    }
  }
}
