import { leading, type Paper } from './paper.ts'
import type { Line } from './typeset.ts'
import type { Field } from './value-text.ts'

export type Row = Record<string, unknown>

/** A column with its place on the page, in points. */
export interface Column {
  field: Field
  x: number
  width: number
}

const size = 8
const gap = 8
const lineHeight = size * leading
const rowGap = 3

/** What a column gets at least, and without being asked, of the page's width. */
const narrowest = 34
const modest = 140

/** Rows that are looked at to find out how much room each column needs. */
const sampled = 60

/** More columns than this make rows that nobody can read across. */
export const mostColumns = 8

/** Divides the page's width between the columns: narrow ones get what they need, the others share what is left. */
export function layOutColumns(paper: Paper, fields: Field[], rows: Row[]): Column[] {
  const wanted = fields.map((field) => {
    const cells = rows.slice(0, sampled).map((row) => field.text(row[field.name]).slice(0, 120))
    const widths = cells.flatMap((cell) => cell.split('\n')).map((line) => paper.type.width(line, size))
    return Math.max(narrowest, paper.type.width(field.name, size, 'bold'), ...widths) + gap
  })
  const widths = divide(wanted, paper.width)
  let x = paper.left
  return fields.map((field, i) => {
    const column = { field, x, width: widths[i]! - gap }
    x += widths[i]!
    return column
  })
}

function divide(wanted: number[], available: number): number[] {
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
  if (sum(wanted) <= available) return wanted
  const wide = wanted.filter((width) => width > modest)
  const left = available - sum(wanted.filter((width) => width <= modest))
  if (wide.length === 0 || left < wide.length * modest * 0.5) {
    return wanted.map((width) => (width * available) / sum(wanted))
  }
  const capped = wanted.map((width) => Math.min(width, available))
  const total = sum(capped.filter((width) => width > modest))
  return capped.map((width) => (width > modest ? (width * left) / total : width))
}

/** Draws rows under their columns' names, which are repeated on every page. */
export function drawTable(paper: Paper, columns: Column[], rows: Iterable<Row>): void {
  const header = () => drawHeader(paper, columns)
  paper.need(lineHeight * 3)
  header()
  for (const row of rows) {
    const cells = columns.map(({ field, width }) =>
      paper.type.lines(field.text(row[field.name]), width, size),
    )
    drawRow(paper, columns, cells, header)
  }
  paper.y += 6
}

function drawHeader(paper: Paper, columns: Column[]): void {
  for (const { field, x, width } of columns) {
    const line = paper.type.line(field.name, width, size, 'bold')
    paper.draw(line, field.numeric ? x + width - line.width : x, paper.y + size, size, 0.35)
  }
  paper.y += lineHeight + 1
  paper.rule(paper.y)
  paper.y += rowGap
}

/** A row stays on one page where that doesn't waste much; a long one goes on on the next. */
function drawRow(paper: Paper, columns: Column[], cells: Line[][], header: () => void): void {
  const height = Math.max(...cells.map((lines) => lines.length))
  if (height * lineHeight < (paper.bottom - paper.top) / 3 && paper.need(height * lineHeight)) header()
  for (let i = 0; i < height; i++) {
    if (paper.need(lineHeight)) header()
    for (const [c, { field, x, width }] of columns.entries()) {
      const line = cells[c]![i]
      if (line === undefined) continue
      if (field.numeric) paper.draw(line, x + width - line.width, paper.y + size, size)
      else paper.drawIn(line, x, width, paper.y + size, size)
    }
    paper.y += lineHeight
  }
  paper.y += rowGap
}

/** Draws one row as a list: each field's name and, beside it, its value. */
export function drawFields(paper: Paper, fields: Field[], row: Row): void {
  const names = fields.map(({ name }) => paper.type.line(name, paper.width / 3, size))
  const indent = Math.min(Math.max(...names.map(({ width }) => width)) + 12, paper.width / 3)
  for (const [i, field] of fields.entries()) {
    const lines = paper.type.lines(field.text(row[field.name]), paper.width - indent, size)
    for (const [n, line] of lines.entries()) {
      paper.need(lineHeight)
      if (n === 0) paper.draw(names[i]!, paper.left, paper.y + size, size, 0.5)
      paper.drawIn(line, paper.left + indent, paper.width - indent, paper.y + size, size)
      paper.y += lineHeight
    }
  }
  paper.y += 4
}
