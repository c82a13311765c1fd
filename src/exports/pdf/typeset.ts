import bidiFactory from 'bidi-js'
import type { Weight } from './fonts.ts'
import type { Run, Shaper } from './shape.ts'

// Its types describe an ES module; what Node loads is the function itself.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)()

/** A line of text, its runs from the left to the right. */
export interface Line {
  runs: Run[]
  /** In points. */
  width: number
  /** Its paragraph runs from right to left, so it stands at the right. */
  rtl: boolean
}

/** What a line is not broken inside of. */
interface Word {
  runs: Run[]
  width: number
  isSpace: boolean
  breaksAfter: boolean
  /** Of the bidirectional algorithm: odd is right to left. */
  level: number
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
  #known = new Map<string, Run[]>()

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
    const levels = rightToLeft.test(text) ? bidi.getEmbeddingLevels(text) : null
    const base = levels?.paragraphs[0]?.level ?? 0
    const all = this.#words(text, levels?.levels ?? null, weight, available)
    return broken(all, available).map((line) => ({
      words: levels === null ? line : reordered(withoutLastSpaces(line, base)),
      rtl: base % 2 === 1,
    }))
  }

  #words(text: string, levels: Uint8Array | null, weight: Weight, available: number): Word[] {
    const found: Word[] = []
    for (const { 0: piece, index } of text.matchAll(words)) {
      const after = text.slice(index + piece.length, index + piece.length + 2)
      const last = found.length
      for (const { part, level } of byLevel(piece, index, levels)) {
        const isSpace = part.trim() === ''
        const runs = isSpace
          ? this.#space(part, weight, found.at(-1))
          : this.#shape(part, weight, level % 2 === 1)
        const width = runs.reduce((sum, run) => sum + run.width, 0)
        if (width > available && part.length > 1)
          for (const letter of this.#pieces(part, weight, level)) found.push(letter)
        else found.push({ runs, width, isSpace, breaksAfter: false, level })
      }
      if (found.length === last) continue
      const isLoose = found.at(-1)!.isSpace || isIdeograph.test(piece) || startsLoose(after)
      found.at(-1)!.breaksAfter = isLoose && !noLineStart.test(after) && !noLineEnd.test(piece)
    }
    return found
  }

  /** A word that is longer than a line is broken anywhere. */
  #pieces(part: string, weight: Weight, level: number): Word[] {
    return [...graphemes.segment(part)].map(({ segment }) => {
      const runs = this.#shape(segment, weight, level % 2 === 1)
      const width = runs.reduce((sum, run) => sum + run.width, 0)
      return { runs, width, isSpace: false, breaksAfter: true, level }
    })
  }

  /** From right to left, blanks are in the font of the word before: readers find words in the order of one text. */
  #space(blanks: string, weight: Weight, before: Word | undefined): Run[] {
    const font = before !== undefined && before.level % 2 === 1 ? before.runs[0]?.font : undefined
    return font?.font.hasGlyphForCodePoint(0x20)
      ? [this.#shaper.plain(font, blanks.replace(/\s/g, ' '))]
      : this.#shape(blanks, weight, false)
  }

  #shape(part: string, weight: Weight, rtl: boolean): Run[] {
    const key = `${weight === 'bold' ? 'b' : 'r'}${rtl ? 'r' : 'l'}${part}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const runs = this.#shaper.shape(rtl ? mirrored(part) : part, weight, rtl)
    if (part.length > longestRemembered) return runs
    if (this.#known.size >= remembered) this.#known.clear()
    this.#known.set(key, runs)
    return runs
  }
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

function startsLoose(after: string): boolean {
  const [first = ''] = after
  return isIdeograph.test(first)
}

/** Brackets face the other way when they are read from the right. */
function mirrored(text: string): string {
  return [...text].map((character) => bidi.getMirroredCharacter(character) ?? character).join('')
}

function byLevel(piece: string, index: number, levels: Uint8Array | null): { part: string; level: number }[] {
  if (levels === null) return [{ part: piece, level: 0 }]
  const parts: { part: string; level: number }[] = []
  for (let at = 0; at < piece.length; at++) {
    const level = levels[index + at]!
    const last = parts.at(-1)
    if (last?.level === level) last.part += piece[at]
    else parts.push({ part: piece[at]!, level })
  }
  return parts
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
