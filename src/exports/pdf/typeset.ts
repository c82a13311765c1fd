import { embeddingLevels, mirrored } from './bidi.ts'
import type { Weight } from './fonts.ts'
import type { Run, Shaper } from './shape.ts'

/** A line of text, its runs from the left to the right. */
export interface Line {
  runs: Run[]
  /** In points. */
  width: number
  /** Its paragraph runs from right to left, so it stands at the right. */
  rtl: boolean
}

/** A piece of text in its glyphs. */
interface Shaped {
  runs: Run[]
  /** In thousandths of the size, of all runs together. */
  width: number
}

/** What a line is not broken inside of. */
interface Word extends Shaped {
  isSpace: boolean
  breaksAfter: boolean
  /** Of the bidirectional algorithm: odd is right to left. */
  level: number
}

/** What is known of a piece of text. */
interface Piece {
  text: string
  isSpace: boolean
  /** Lines may be broken before it and after it. */
  loose: boolean
  neverStarts: boolean
  neverEnds: boolean
  /** By weight and direction, as far as it was needed. */
  shaped: Record<Weight, { ltr: Shaped | null; rtl: Shaped | null }>
}

const rightToLeft =
  /[\u0590-\u08ff\u200f\u202b\u202e\u2067\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

const ideograph =
  '[\\u2e80-\\u303f\\u3040-\\u30ff\\u3100-\\u31ff\\u3200-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff\\uff00-\\uffef\\u{20000}-\\u{3ffff}]'
const words = new RegExp(`\\s+|${ideograph}|(?:(?!${ideograph})\\S)+`, 'gu')
const isIdeograph = new RegExp(`^${ideograph}$`, 'u')
const noLineStart =
  /^[、。，．！？：；）」』】》〉〕｝’”…ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ%)\]},.!?:;]/u
const noLineEnd = /[（「『【《〈〔｛‘“([{]$/u

/** How many words are remembered before all are forgotten. */
const remembered = 20_000

/** Longer ones hardly come again, and would take much room. */
const longestRemembered = 60

/** Sets text in lines. */
export class Typesetter {
  #shaper: Shaper
  #known = new Map<string, Piece>()

  constructor(shaper: Shaper) {
    this.#shaper = shaper
  }

  /** @param width of the lines, in points @param size of the letters, in points */
  lines(text: string, width: number, size: number, weight: Weight = 'regular'): Line[] {
    const available = (width * 1000) / size
    return visible(text)
      .split('\n')
      .flatMap((paragraph) => this.#paragraph(paragraph, available, weight))
      .map(({ words, rtl }) => finish(words, rtl, size))
  }

  /** One line, cut where it doesn't fit. */
  line(text: string, width: number, size: number, weight: Weight = 'regular'): Line {
    const short = visible(text).replaceAll('\n', ' ').slice(0, 300).toWellFormed()
    const lines = this.lines(short, width, size, weight)
    return lines.length === 1 ? lines[0]! : this.lines(short, width - size, size, weight)[0]!
  }

  /** In points, if it were one line. */
  width(text: string, size: number, weight: Weight = 'regular'): number {
    return this.lines(text.replaceAll('\n', ' '), 1e9, size, weight)[0]!.width
  }

  #paragraph(text: string, available: number, weight: Weight): { words: Word[]; rtl: boolean }[] {
    const { levels, base } = rightToLeft.test(text) ? embeddingLevels(text) : { levels: null, base: 0 }
    const all = this.#words(text, levels, weight, available)
    return broken(all, available).map((line) => ({
      words: levels === null ? line : reordered(withoutLastSpaces(line, base)),
      rtl: base % 2 === 1,
    }))
  }

  #words(text: string, levels: Uint8Array | null, weight: Weight, available: number): Word[] {
    const found: Word[] = []
    const texts = text.match(words) ?? []
    let index = 0
    let piece = this.#piece(texts[0] ?? '')
    for (let i = 1; i <= texts.length; i++) {
      const last = found.length
      for (const { part, level } of this.#byLevel(piece, index, levels)) {
        const { runs, width } = part.isSpace
          ? this.#space(part, weight, found.at(-1))
          : this.#shape(part, weight, level)
        if (width > available && part.text.length > 1)
          for (const letter of this.#letters(part, weight, level)) found.push(letter)
        else found.push({ runs, width, isSpace: part.isSpace, breaksAfter: false, level })
      }
      index += piece.text.length
      const next = this.#piece(texts[i] ?? '')
      if (found.length > last) {
        const isLoose = found.at(-1)!.isSpace || piece.loose || next.loose
        found.at(-1)!.breaksAfter = isLoose && !next.neverStarts && !piece.neverEnds
      }
      piece = next
    }
    return found
  }

  #piece(text: string): Piece {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const piece = {
      text,
      isSpace: text.trim() === '',
      loose: isIdeograph.test(text),
      neverStarts: noLineStart.test(text),
      neverEnds: noLineEnd.test(text),
      shaped: { regular: { ltr: null, rtl: null }, bold: { ltr: null, rtl: null } },
    }
    if (text.length > longestRemembered) return piece
    if (this.#known.size >= remembered) this.#known.clear()
    this.#known.set(text, piece)
    return piece
  }

  /** A piece may change its direction within. */
  #byLevel(piece: Piece, index: number, levels: Uint8Array | null): { part: Piece; level: number }[] {
    const { text } = piece
    if (levels === null) return [{ part: piece, level: 0 }]
    const parts: { part: Piece; level: number }[] = []
    for (let start = 0, end = 0; start < text.length; start = end) {
      const level = levels[index + start]!
      while (end < text.length && levels[index + end] === level) end++
      const isWhole = end - start === text.length
      parts.push({ part: isWhole ? piece : this.#piece(text.slice(start, end)), level })
    }
    return parts
  }

  /** A word that is longer than a line is broken anywhere. */
  #letters({ text }: Piece, weight: Weight, level: number): Word[] {
    return [...graphemes.segment(text)].map(({ segment }) => ({
      ...this.#shape(this.#piece(segment), weight, level),
      ...{ isSpace: false, breaksAfter: true, level },
    }))
  }

  /** From right to left, blanks are in the font of the word before: readers find words in the order of one text. */
  #space(blanks: Piece, weight: Weight, before: Word | undefined): Shaped {
    const font = before !== undefined && before.level % 2 === 1 ? before.runs[0]?.font : undefined
    return font?.font.hasGlyphForCodePoint(0x20)
      ? together([this.#shaper.plain(font, blanks.text.replace(/\s/g, ' '))])
      : this.#shape(blanks, weight, 0)
  }

  #shape({ text, shaped }: Piece, weight: Weight, level: number): Shaped {
    return level % 2 === 1
      ? (shaped[weight].rtl ??= together(this.#shaper.shape(mirrored(text), weight, true)))
      : (shaped[weight].ltr ??= together(this.#shaper.shape(text, weight, false)))
  }
}

function together(runs: Run[]): Shaped {
  return { runs, width: runs.reduce((sum, run) => sum + run.width, 0) }
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Control characters have no shape; what they stand for is kept or spelled out. */
function visible(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029\u000b\u000c\u0085]/g, '\n')
    .replaceAll('\t', '    ')
    .replace(/[\u0000-\u0009\u000e-\u001f\u007f-\u009f]/g, spelledOut)
    .toWellFormed()
}

function spelledOut(character: string): string {
  return `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`
}

/** Fills line after line. */
function broken(all: Word[], available: number): Word[][] {
  const lines: Word[][] = []
  let start = 0
  let breakAt = 0
  let width = 0
  let sinceBreak = 0
  for (let i = 0; i < all.length; i++) {
    const word = all[i]!
    if (width + word.width > available && !word.isSpace && i > start) {
      const end = breakAt > start ? breakAt : i
      lines.push(all.slice(start, end))
      width = end === i ? 0 : sinceBreak
      start = end
    }
    width += word.width
    sinceBreak += word.width
    if (word.breaksAfter) {
      breakAt = i + 1
      sinceBreak = 0
    }
  }
  return [...lines, all.slice(start)]
}

/** Blanks at a line's end stand on the paragraph's own side (UAX #9, rule L1). */
function withoutLastSpaces(line: Word[], base: number): Word[] {
  let end = line.length
  while (end > 0 && line[end - 1]!.isSpace) end--
  return line.map((word, i) => (i < end ? word : { ...word, level: base }))
}

/** From the order of reading to that of drawing (UAX #9, rule L2). */
function reordered(line: Word[]): Word[] {
  const drawn = [...line]
  const highest = Math.max(0, ...line.map(({ level }) => level))
  for (let level = highest; level > 0; level--) {
    for (let start = 0; start < drawn.length; start++) {
      if (drawn[start]!.level < level) continue
      let end = start
      while (end < drawn.length && drawn[end]!.level >= level) end++
      drawn.splice(start, end - start, ...drawn.slice(start, end).toReversed())
      start = end
    }
  }
  return drawn
}

function finish(line: Word[], rtl: boolean, size: number): Line {
  let first = 0
  let end = line.length
  while (end > first && line[end - 1]!.isSpace) end--
  if (rtl) while (first < end && line[first]!.isSpace) first++
  const shown = line.slice(first, end)
  const width = shown.reduce((sum, word) => sum + word.width, 0)
  return { runs: shown.flatMap(({ runs }) => runs), width: (width * size) / 1000, rtl }
}
