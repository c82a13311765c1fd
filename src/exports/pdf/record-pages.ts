import type { RootNode, TableNode } from '../../datasets/definition.ts'
import { wordCount } from '../../platform/wording.ts'
import type { Paper, Place } from './paper.ts'
import { drawFields, drawTable, layOutColumns, mostColumns, type Column, type Row } from './table.ts'
import { fieldsOf, type Field } from './value-text.ts'

/** One record's line in the contents. */
export interface Entry {
  label: string
  place: Place
}

/** Draws records, each under a heading of its own: its fields, then a table for each kind of row that belongs to it. */
export class RecordPages {
  #paper: Paper
  #root: RootNode
  #fields = new Map<TableNode, Field[]>()
  #columns = new Map<TableNode, Column[]>()

  /** @param sample records by which the columns' widths are chosen, once for the whole document */
  constructor(paper: Paper, root: RootNode, sample: Row[]) {
    this.#paper = paper
    this.#root = root
    this.#prepare(root, sample)
  }

  #prepare(node: TableNode, rows: Row[]): void {
    const fields = fieldsOf(node)
    this.#fields.set(node, fields)
    const isTable = node.parent !== null && node.children.length === 0 && fields.length <= mostColumns
    if (isTable) this.#columns.set(node, layOutColumns(this.#paper, fields, spread(rows)))
    for (const child of node.children)
      this.#prepare(
        child,
        rows.flatMap((row) => childRows(child, row)),
      )
  }

  /** @returns where the record stands */
  draw(record: Row): Entry {
    const label = this.label(record)
    this.#paper.need(90)
    const entry = { label, place: this.#paper.here() }
    this.#paper.write(label, { size: 13, weight: 'bold' })
    this.#paper.y += 2
    drawFields(this.#paper, this.#fields.get(this.#root)!, record)
    for (const child of this.#root.children) this.#drawChildren(child, record)
    this.#paper.y += 14
    return entry
  }

  /** What people know the record by, cut short. */
  label(record: Row): string {
    const [key, label] = [this.#root.key.map(({ name }) => record[name]), record[this.#root.label.name]]
    const known = key.map(String).join(', ')
    const text = label === null || label === undefined ? known : this.#wordLabel(label)
    const full = text === known ? text : `${text} (${known})`
    return (full.length > 90 ? `${full.slice(0, 89)}…` : full).replace(/\s+/g, ' ').toWellFormed()
  }

  #wordLabel(value: unknown): string {
    return (
      this.#fields
        .get(this.#root)!
        .find(({ name }) => name === this.#root.label.name)
        ?.text(value) ?? ''
    )
  }

  #drawChildren(node: TableNode, parent: Row): void {
    const rows = childRows(node, parent)
    const fields = this.#fields.get(node)!
    this.#paper.need(46)
    this.#paper.y += 4
    this.#paper.write(`${node.as} · ${wordCount(rows.length, 'row')}`, {
      size: 9,
      weight: 'bold',
      grey: 0.35,
    })
    const columns = this.#columns.get(node)
    if (columns !== undefined && rows.length > 0) drawTable(this.#paper, columns, rows)
    else
      for (const row of rows) {
        drawFields(this.#paper, fields, row)
        for (const child of node.children) this.#drawChildren(child, row)
      }
  }
}

function childRows(node: TableNode, parent: Row): Row[] {
  return parent[node.as] as Row[]
}

/** Some of many, from all over. */
function spread(rows: Row[]): Row[] {
  const step = Math.max(1, Math.floor(rows.length / 60))
  return rows.filter((_, i) => i % step === 0)
}
