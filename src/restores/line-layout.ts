import type { Column } from '../source/catalog.ts'
import type { Stage } from './stage.ts'

/** Where a field of the row at hand stands in the line, and what it is. */
export interface Spans {
  kind: Uint8Array
  start: Int32Array
  end: Int32Array
}

export const absent = 0
/** A number, a boolean, or a string between its quotes; as COPY wants it. */
export const plain = 1
/** A string between its quotes, with escapes in it. */
export const escaped = 2
/** A list or an object. */
export const nested = 3

/** How rows of one table are staged. */
export interface Layout {
  stage: Stage
  /** Fields of a row that are wanted, by name: their places in the spans. */
  places: Map<string, number>
  children: Map<string, Layout>
  spans: Spans
  /** For each staged column where its value comes from. */
  columns: { column: Column; from: 'row' | 'parent' | 'reference'; place: number }[]
  references: { column: Column; place: number; parts: number }[]
  /** Fields in the order in which the rows have them, as the latest row has shown. */
  order: FieldName[]
}

export interface FieldName {
  /** `"name":` */
  text: Buffer
  place: number
  child: Layout | null
}

/** How the rows of a stage's table are staged, and those of the tables below it. */
export function layoutOf(stage: Stage, stages: Stage[], parent: Layout | null = null): Layout {
  const { node } = stage
  const below = stages.filter((other) => other.node.parent?.node === node)
  const pointers = node.references.map(({ columns }) => columns[0]!)
  const wanted = [
    ...stage.columns,
    ...pointers,
    ...below.flatMap((child) => child.node.parent!.parentColumns),
  ]
  const places = new Map([...new Set(wanted.map(({ name }) => name))].map((name, place) => [name, place]))
  const layout: Layout = {
    stage,
    places,
    spans: {
      kind: new Uint8Array(places.size),
      start: new Int32Array(places.size),
      end: new Int32Array(places.size),
    },
    columns: stage.columns.map((column) => sourceOf(stage, column, places, parent)),
    references: node.references.map(({ columns: [column], key }) => {
      return { column: column!, place: places.get(column!.name)!, parts: key.length }
    }),
    children: new Map(),
    order: [],
  }
  for (const child of below) layout.children.set(child.node.as, layoutOf(child, stages, layout))
  return layout
}

function sourceOf({ node }: Stage, column: Column, places: Layout['places'], parent: Layout | null) {
  const asParent = node.parent?.columns.indexOf(column) ?? -1
  if (asParent >= 0) {
    const place = parent!.places.get(node.parent!.parentColumns[asParent]!.name)!
    return { column, from: 'parent' as const, place }
  }
  const place = places.get(column.name)!
  const isReference = node.references.some(({ columns }) => columns.includes(column))
  return { column, from: isReference ? ('reference' as const) : ('row' as const), place }
}
