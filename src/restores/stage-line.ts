import { CopyText } from '../source/copy-text.ts'
import type { Field, Row } from '../snapshots/diff-record.ts'
import {
  absent,
  escaped,
  layoutOf,
  nested,
  plain,
  type FieldName,
  type Layout,
  type Spans,
} from './line-layout.ts'
import { columnText, none, stableKey, type Stage } from './stage.ts'

const tab = 0x09
const lineFeed = 0x0a
const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
const letterN = 0x6e

/**
 * Stages records that the source doesn't have straight from their lines, byte by byte: nothing has to be compared, and
 * making objects and text of millions of rows costs several times as much.
 */
export class LineStager {
  #root: Layout
  #output: (stage: Stage) => CopyText
  #bare: boolean
  #line: Buffer = Buffer.alloc(0)
  #at = 0
  #number = 0
  #record = 0

  /**
   * @param output where a stage's rows are written
   * @param bare true: the columns alone, for the table itself; only for stages without references
   */
  constructor(stages: Stage[], output: (stage: Stage) => CopyText, bare: boolean) {
    this.#root = layoutOf(stages[0]!, stages)
    this.#output = output
    this.#bare = bare
  }

  /**
   * Stages a record's rows, all to be created.
   * @param line as the artifact has it; @param staged rows numbered so far
   * @returns rows numbered now
   */
  add(line: Buffer, staged: number): number {
    this.#line = line
    this.#at = 0
    this.#number = staged
    this.#record = staged + 1
    this.#row(this.#root, null, 0)
    return this.#number
  }

  #row(layout: Layout, parent: Spans | null, above: number): void {
    const number = ++this.#number
    layout.spans.kind.fill(absent)
    let written = false
    this.#expect(openBrace)
    for (let i = 0; this.#line[this.#at] !== closeBrace; i++) {
      if (i > 0) this.#expect(comma)
      const { place, child } = this.#name(layout, i)
      if (child !== null) {
        // A record's columns stand before the rows below it, which may need them.
        if (!written) this.#write(layout, parent, number, above)
        written = true
        this.#rows(child, layout.spans, number)
      } else if (written && place >= 0) throw new Error('a record line with a column after its rows')
      else this.#value(layout.spans, place)
    }
    this.#at++
    if (!written) this.#write(layout, parent, number, above)
  }

  #rows(layout: Layout, parent: Spans, above: number): void {
    this.#expect(openBracket)
    for (let i = 0; this.#line[this.#at] !== closeBracket; i++) {
      if (i > 0) this.#expect(comma)
      this.#row(layout, parent, above)
    }
    this.#at++
  }

  #expect(byte: number): void {
    if (this.#line[this.#at++] !== byte) throw new Error('a record line that is not as it was written')
  }

  /** Reads a field's name. Rows of a table all have the same, so it mostly is the one that stood there before. */
  #name(layout: Layout, i: number): FieldName {
    const known = layout.order[i]
    if (known !== undefined && this.#startsWith(known.text)) {
      this.#at += known.text.length
      return known
    }
    const start = this.#at
    this.#string()
    const name = JSON.parse(this.#line.toString('utf8', start, this.#at)) as string
    this.#at++
    const text = Buffer.from(this.#line.subarray(start, this.#at))
    const place = layout.places.get(name) ?? -1
    return (layout.order[i] = { text, place, child: layout.children.get(name) ?? null })
  }

  #startsWith(text: Buffer): boolean {
    for (let i = 0; i < text.length; i++) if (this.#line[this.#at + i] !== text[i]) return false
    return true
  }

  /** Notes where a value stands, and moves past it. @param place negative: it isn't wanted */
  #value(spans: Spans, place: number): void {
    const start = this.#at
    const first = this.#line[start]
    let kind = plain
    if (first === quote) kind = this.#string() ? escaped : plain
    else if (first === openBrace || first === openBracket) {
      this.#nested()
      kind = nested
    } else {
      this.#scalar()
      if (first === letterN) kind = absent
    }
    if (place < 0) return
    const inside = first === quote ? 1 : 0
    spans.kind[place] = kind
    spans.start[place] = start + inside
    spans.end[place] = this.#at - inside
  }

  /** Moves past a string. @returns whether there are escapes in it */
  #string(): boolean {
    const line = this.#line
    let escapes = false
    let at = this.#at + 1
    for (; at < line.length && line[at] !== quote; at++) {
      if (line[at] !== backslash) continue
      escapes = true
      at++
    }
    this.#at = at + 1
    return escapes
  }

  #scalar(): void {
    const line = this.#line
    let at = this.#at
    while (at < line.length && line[at] !== comma && line[at] !== closeBrace && line[at] !== closeBracket)
      at++
    this.#at = at
  }

  #nested(): void {
    for (let depth = 0; this.#at < this.#line.length;) {
      const byte = this.#line[this.#at]
      if (byte === quote) this.#string()
      else {
        this.#at++
        if (byte === openBrace || byte === openBracket) depth++
        if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return
      }
    }
  }

  #write({ stage, spans, columns, references }: Layout, parent: Spans | null, number: number, above: number) {
    const output = this.#output(stage)
    if (!this.#bare) output.text(`${number}\tc\t${above}\t${this.#record}\t${this.#record}\t`)
    const referring = references.length > 0 ? this.#referring(spans, references) : {}
    for (let i = 0; i < columns.length; i++) {
      const { column, from, place } = columns[i]!
      if (i > 0) output.byte(tab)
      if (from === 'row') this.#field(output, spans, place)
      else if (from === 'parent') this.#field(output, parent!, place)
      else output.text(columnText(stage.node, column, referring, null))
    }
    for (const { column, parts } of references)
      output.text(['', ...stableKey(referring[column.name] as Field, parts), none].join('\t'))
    output.byte(lineFeed)
  }

  #field(output: CopyText, { kind, start, end }: Spans, place: number): void {
    if (kind[place] === plain) output.bytes(this.#line, start[place]!, end[place]!)
    else if (kind[place] === escaped) output.json(this.#line, start[place]!, end[place]!)
    else output.text(none)
  }

  /** The fields that point at other rows, parsed. */
  #referring(spans: Spans, references: Layout['references']): Row {
    return Object.fromEntries(
      references.map(({ column, place }) => [column.name, this.#parsed(spans, place)]),
    )
  }

  #parsed({ kind, start, end }: Spans, place: number): Field {
    if (kind[place] === absent) return null
    const quotes = this.#line[start[place]! - 1] === quote && kind[place] !== nested ? 1 : 0
    return JSON.parse(this.#line.toString('utf8', start[place]! - quotes, end[place]! + quotes)) as Field
  }
}
