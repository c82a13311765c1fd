import { Document, isMap, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Declaration, TableDeclaration } from './definition.ts'
import type { Draft } from './draft-tables.ts'

/** Prints a drafted dataset file with its remarks as comments above the tables they are about. */
export function printDraft(declaration: Declaration, draft: Draft): string {
  const { dataset, source, records } = declaration
  const document = new Document({ dataset, ...(source !== 'app' && { source }), records: ordered(records) })
  document.commentBefore = [
    ` Drafted from the foreign keys of ${records.table}. It loads as it is; look over what was guessed:`,
    ' which tables belong to a record, `label`, `dates`, and what becomes of references to rows that are gone.',
  ].join('\n')
  const node = document.get('records') as YAMLMap
  comment(document, node, records, draft)
  return document.toString({ lineWidth: 0, singleQuote: true })
}

/** The keys in the order that a reader wants them. */
function ordered(table: TableDeclaration): TableDeclaration {
  const { table: name, as, parent, key, label, dates, protect, order, omit, references, children } = table
  const entries = {
    table: name,
    as,
    parent,
    key,
    label,
    dates,
    protect,
    order,
    omit,
    references,
    children: children?.map(ordered),
  }
  return Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== undefined),
  ) as unknown as TableDeclaration
}

function comment(document: Document, node: YAMLMap, table: TableDeclaration, draft: Draft): void {
  const remarks = (draft.remarks.get(table) ?? []).flatMap(wrapped)
  // A list's item has its comment above its dash; the records' map would have it behind `records:`.
  const place = table === draft.declaration ? (node.items[0]?.key as Node | undefined) : node
  if (remarks.length > 0 && place !== undefined) place.commentBefore = remarks.join('\n')
  for (const name of ['key', 'parent', 'omit']) flow(node.get(name))
  const references = node.get('references')
  if (isMap(references)) for (const pair of references.items) flow(pair.value)
  const children = node.get('children') as YAMLSeq | undefined
  for (const [i, child] of (table.children ?? []).entries()) {
    comment(document, children!.get(i) as YAMLMap, child, draft)
  }
}

/** A remark in lines of at most 90 characters, of which the first stands out a little. */
function wrapped(remark: string): string[] {
  const lines: string[] = []
  for (const word of remark.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length > 90)
      lines.push(`${last === undefined ? ' -' : '  '} ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

function flow(node: unknown): void {
  if (isMap(node) || isSeq(node)) node.flow = true
}
