import { tableNodes } from '../../snapshots/capture.ts'
import { wordCount, wordScope } from '../../platform/wording.ts'
import type { Rendering } from '../rendering.ts'
import { notForRestoring } from '../read-me.ts'
import { leading, type Paper } from './paper.ts'
import type { Entry } from './record-pages.ts'

const size = 8.5
const lineHeight = size * leading

/** How many entries one page of the contents has. */
function entriesPerPage({ bottom, top }: Paper, isFirst: boolean): number {
  return Math.floor((bottom - top - (isFirst ? 34 : 0)) / lineHeight)
}

/** How many pages the contents of so many records take, so that room can be kept for them. */
export function contentsPages(paper: Paper, records: number): number {
  const first = entriesPerPage(paper, true)
  return records <= first ? 1 : 1 + Math.ceil((records - first) / entriesPerPage(paper, false))
}

/** What this is, of what, as of when, how much, and for whom it was made. */
export function drawTitlePage(paper: Paper, rendering: Rendering, counts: number[]): void {
  const { dataset, scope, title, takenAt, createdBy } = rendering
  paper.newPage(1)
  paper.y = 200
  paper.write(title ?? dataset.title, { size: 26, weight: 'bold' })
  paper.y += 8
  if (title !== null) paper.write(dataset.title, { size: 13, grey: 0.35 })
  if (dataset.description !== '') paper.write(dataset.description, { size: 10, grey: 0.35 })
  paper.y += 22
  const facts: [string, string][] = [
    ['Records', scopeInWords(scope, dataset.timezone)],
    ['As of', instantInWords(takenAt, dataset.timezone)],
    [
      'Holds',
      tableNodes(dataset.root)
        .map(({ name }, i) => wordCount(counts[i]!, `row of ${name}`, `rows of ${name}`))
        .join('\n'),
    ],
    ['Made for', createdBy],
  ]
  for (const [name, value] of facts) {
    paper.draw(paper.type.line(name, 80, 10), paper.left, paper.y + 10, 10, 0.5)
    for (const line of paper.type.lines(value, paper.width - 90, 10)) {
      paper.drawIn(line, paper.left + 90, paper.width - 90, paper.y + 10, 10)
      paper.y += 10 * leading
    }
    paper.y += 4
  }
  paper.y += 24
  paper.write(`Times are in UTC where a zone is known. ${nothingHidden}`, { size: 8.5, grey: 0.35 })
  paper.write(notForRestoring, { size: 8.5, grey: 0.35 })
}

const nothingHidden = 'A character that no font has is spelled out, as in [U+13000].'

function scopeInWords(scope: Rendering['scope'], zone: string): string {
  const words = 'all' in scope ? 'All' : wordScope(scope)
  return 'month' in scope || 'from' in scope || 'to' in scope ? `${words} (${zone})` : words
}

/** In the dataset's zone, and in UTC where that is another. */
function instantInWords(at: Date, zone: string): string {
  const format = (timeZone: string) =>
    new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium', timeZone }).format(at)
  return zone === 'UTC' ? `${format('UTC')} UTC` : `${format(zone)} (${zone})\n${format('UTC')} UTC`
}

/** Every record with its page, leading there. @param first the number of the contents' first page */
export function drawContents(paper: Paper, entries: Entry[], first: number): void {
  paper.newPage(first)
  paper.write('Contents', { size: 16, weight: 'bold' })
  paper.y = paper.top + 34
  if (entries.length === 0) paper.write('No record falls into this scope.', { size, grey: 0.35 })
  for (const { label, place } of entries) {
    paper.need(lineHeight)
    const number = paper.type.line(String(place.page), 60, size)
    const line = paper.type.line(label, paper.width - 50, size)
    paper.drawIn(line, paper.left, paper.width - 50, paper.y + size, size)
    paper.draw(number, paper.left + paper.width - number.width, paper.y + size, size, 0.35)
    paper.link(paper.left, paper.y, paper.width, lineHeight, place)
    paper.y += lineHeight
  }
}
